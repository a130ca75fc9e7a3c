import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { inspectPlugin } from '@dify/plugin-sdk-ts/declarations'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import type { ZodType } from 'zod'
import { nodes } from '../../../tools/index.ts'
import { declaration, runNode, useStub } from '../../helpers/tools/run-tool.ts'
import { USE } from '../../helpers/tools/scenarios.ts'

const root = new URL('../../../', import.meta.url)
const readText = (path: string) => readFileSync(new URL(path, root), 'utf8')
const toolFiles = readdirSync(new URL('tools', root))
const names = nodes.map(({ name }) => name)
const declared = new Map(declaration.provider.tools.map((tool) => [tool.identity.name, tool]))
const stub = await useStub()

describe('every node', () => {
  it('has a definition and a YAML file of the same name, and nothing else is in tools/', () => {
    const expected = ['index.ts', 'shared', ...names.flatMap((name) => [`${name}.ts`, `${name}.yaml`])]
    expect([...toolFiles].sort()).toEqual(expected.sort())
  })

  it('is listed in provider/hippocache.yaml, in the order of the definitions', () => {
    const provider = parse(readText('provider/hippocache.yaml')) as { tools: string[] }
    expect(provider.tools).toEqual(names.map((name) => `tools/${name}.yaml`))
    expect([...declared.keys()]).toEqual(names)
  })

  it('is named in the description of manifest.yaml, in each language', () => {
    const { description } = declaration.manifest
    for (const { identity } of declared.values())
      for (const [locale, label] of Object.entries(identity.label))
        expect(description[locale as keyof typeof description], locale).toContain(label)
  })

  it.each(['README.md', 'docs/nodes.md'])('is in the table of nodes of %s, if the page has one', (page) => {
    const text = existsSync(new URL(page, root)) ? readText(page) : ''
    const labels = [...declared.values()].map(({ identity }) => identity.label.en_US)
    const rows = labels.filter((label) => new RegExp(`^\\| *[[*_]*${label}\\b`, 'm').test(text))
    if (rows.length > 0) expect(rows).toEqual(labels)
  })

  it('has a minimal valid call for the tests', () => {
    expect(Object.keys(USE).sort()).toEqual([...names].sort())
  })
})

describe.each(nodes.map((node) => [node.name, node] as const))('%s', (name, node) => {
  const tool = declared.get(name)
  const parameters = tool?.parameters ?? []
  const outputs = tool?.output_schema?.properties ?? {}

  it('declares the parameters of its definition, with the same defaults and options', () => {
    expect(parameters.map((parameter) => parameter.name).sort()).toEqual(Object.keys(node.parameters).sort())
    for (const parameter of parameters) {
      const schema = node.parameters[parameter.name] as ZodType
      expect(schema.safeParse(undefined).data, parameter.name).toEqual(parameter.default)
      for (const { value } of parameter.options ?? []) expect(schema.safeParse(value).data).toBe(value)
      if (parameter.options) expect(schema.safeParse('something else').success).toBe(false)
      // An author chooses a model, and a model cannot give a confirmation. Everything else can be bound in a workflow.
      const isSetting = parameter.type === 'model-selector' || parameter.name === 'confirm'
      expect(parameter.form, parameter.name).toBe(isSetting ? 'form' : 'llm')
    }
  })

  it('declares the outputs of its definition, with the types of the neutral values', () => {
    expect(Object.keys(outputs).sort()).toEqual(Object.keys(node.outputs).sort())
    for (const [output, neutral] of Object.entries(node.outputs)) {
      const type = Array.isArray(neutral) ? 'array' : typeof neutral
      expect(outputs[output], output).toMatchObject({ type, description: expect.stringMatching(/.{4}/) })
      expect(output).toMatch(/^[a-z][a-z_]{0,29}$/)
      expect(['text', 'json', 'files']).not.toContain(output)
    }
    expect(node.outputs).toMatchObject({ status: 'error', error: '' })
  })

  it('emits the neutral outputs with an error when nothing is bound', async () => {
    const { variables } = await runNode(stub, name, {})
    expect(variables['status']).toMatch(/^(error|skipped)$/)
    expect({ ...variables, status: 'error', error: '' }).toEqual(node.outputs)
  })

  it('reports an invalid number or option instead of failing the workflow', async () => {
    for (const { name: parameter } of parameters.filter(
      ({ type }) => type === 'number' || type === 'select',
    )) {
      const { variables } = await runNode(stub, name, { ...USE[name], [parameter]: 'neither' })
      expect(variables).toMatchObject({
        status: 'error',
        error: expect.stringContaining(`${parameter}: expected`),
      })
    }
    expect(stub.calls).toHaveLength(0)
  })
})

const LOCALES = ['en_US', 'ja_JP', 'pt_BR', 'zh_Hans']

/** Every mapping of locales below `value`, with its path. */
function* readLocalized(value: unknown, path = ''): Generator<[string, Record<string, unknown>]> {
  if (typeof value !== 'object' || value === null) return
  const keys = Object.keys(value)
  if (keys.some((key) => LOCALES.includes(key))) yield [path, value as Record<string, unknown>]
  else for (const [key, inner] of Object.entries(value)) yield* readLocalized(inner, `${path}.${key}`)
}

describe.each(['manifest.yaml', 'provider/hippocache.yaml', ...names.map((name) => `tools/${name}.yaml`)])(
  '%s',
  (file) => {
    it('has every text in four languages, none of them a copy of the English sentence', () => {
      const texts = [...readLocalized(parse(readText(file)))]
      expect(texts.length).toBeGreaterThan(0)
      for (const [path, text] of texts) {
        expect(Object.keys(text).sort(), path).toEqual(LOCALES)
        for (const locale of LOCALES) expect(String(text[locale]).trim(), `${path}.${locale}`).not.toBe('')
        const { en_US, ja_JP, zh_Hans, pt_BR } = text
        // Names, addresses and single terms are the same in all languages.
        if (String(en_US).split(' ').length < 4) continue
        expect(pt_BR, path).not.toBe(en_US)
        expect(ja_JP, path).toMatch(/[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]/u)
        expect(zh_Hans, path).toMatch(/\p{Script=Han}/u)
        expect(zh_Hans, path).not.toMatch(/[\p{Script=Hiragana}\p{Script=Katakana}]/u)
      }
    })
  },
)

it('the declarations have no errors and no warnings', async () => {
  const { errors, warnings } = await inspectPlugin(root)
  expect([...errors, ...warnings]).toEqual([])
})

it('author, plugin and provider are named hippocache and share one icon', () => {
  const { manifest, provider } = declaration
  const identifiers = [manifest.author, manifest.name, provider.identity.author, provider.identity.name]
  expect(new Set(identifiers)).toEqual(new Set(['hippocache']))
  expect(provider.identity.icon).toBe(manifest.icon)
  expect(readText(`_assets/${manifest.icon}`)).toMatch(/^<svg [^>]*viewBox=/)
})

describe('for Dify', () => {
  it.each(
    [...declared.values()].flatMap(({ identity, parameters }) =>
      parameters.flatMap(({ name, options = [] }) =>
        options.map(({ value, label }) => [`${identity.name}.${name}.${value}`, label] as const),
      ),
    ),
  )('the option %s fits its select in every language', (_, label) => {
    for (const text of Object.values(label))
      expect(widthOf(String(text)), String(text)).toBeLessThanOrEqual(28)
  })

  it('has the names of nodes, parameters and outputs that apps refer to: only additions are compatible', () => {
    const names = Object.fromEntries(
      [...declared.values()].map(({ identity, parameters, output_schema }) => [
        identity.name,
        {
          parameters: parameters.map(({ name }) => name),
          outputs: Object.keys(output_schema?.properties ?? {}),
        },
      ]),
    )
    expect(names).toEqual(JSON.parse(readText('test/unit/tools/stable-names.json')))
  })
})

/**
 * Characters, wide ones twice. The select of a node panel leaves 223 px beside its buttons, measured in a picture of Dify
 * 1.12 (docs/images/node-retrieve.png), where a Latin character takes 7.1 px and a wide one 13 px.
 */
function widthOf(text: string): number {
  const wide = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303f\uff00-\uffef\u30fc]/u
  return [...text].reduce((width, character) => width + (wide.test(character) ? 2 : 1), 0)
}
