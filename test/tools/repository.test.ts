import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { tools } from '../../tools/index.ts'
import { declaration } from './run-tool.ts'

const root = new URL('../../', import.meta.url)
const read = (path: string): unknown => parse(readFileSync(new URL(path, root), 'utf8'))
const yamlFiles = [
  'manifest.yaml',
  'provider/hippocache.yaml',
  ...readdirSync(new URL('tools', root))
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => `tools/${file}`),
]
const LOCALES = ['en_US', 'ja_JP', 'pt_BR', 'zh_Hans']

/** Every mapping under `value` that has a text for people in it, with its path. */
function* texts(value: unknown, path = ''): Generator<[string, Record<string, unknown>]> {
  if (typeof value !== 'object' || value === null) return
  const keys = Object.keys(value)
  if (keys.some((key) => LOCALES.includes(key))) yield [path, value as Record<string, unknown>]
  else for (const [key, inner] of Object.entries(value)) yield* texts(inner, `${path}.${key}`)
}

describe.each(yamlFiles)('%s', (file) => {
  const all = [...texts(read(file))]

  it('says everything in four languages', () => {
    expect(all.length).toBeGreaterThan(0)
    for (const [path, text] of all) {
      expect(Object.keys(text).sort(), path).toEqual(LOCALES)
      for (const locale of LOCALES) expect(String(text[locale]).trim(), `${path}.${locale}`).not.toBe('')
    }
  })

  it('has no text that is a copy of the English sentence', () => {
    for (const [path, { en_US, ja_JP, zh_Hans, pt_BR }] of all) {
      // Names, addresses and single terms stay as they are.
      if (String(en_US).split(' ').length < 4) continue
      expect(pt_BR, path).not.toBe(en_US)
      expect(ja_JP, path).toMatch(/[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]/u)
      expect(zh_Hans, path).toMatch(/\p{Script=Han}/u)
      expect(zh_Hans, path).not.toMatch(/[\p{Script=Hiragana}\p{Script=Katakana}]/u)
    }
  })
})

it('calls itself hippocache/hippocache/hippocache', () => {
  const { manifest, provider } = declaration
  expect([manifest.author, manifest.name, provider.identity.name]).toEqual(Array(3).fill('hippocache'))
  expect(provider.identity.author).toBe('hippocache')
})

it('has its icon', () => {
  const svg = readFileSync(new URL(`_assets/${declaration.manifest.icon}`, root), 'utf8')
  expect(svg).toMatch(/^<svg [^>]*viewBox=/)
  expect(declaration.provider.identity.icon).toBe(declaration.manifest.icon)
})

it('declares every tool file, and has a class for each', () => {
  const names = declaration.provider.tools.map(({ identity }) => identity.name)
  expect(yamlFiles.filter((file) => file.startsWith('tools/'))).toEqual(
    [...names].sort().map((name) => `tools/${name}.yaml`),
  )
  expect(Object.keys(tools).sort()).toEqual([...names].sort())
  for (const name of names) expect(existsSync(new URL(`tools/${name}.ts`, root)), name).toBe(true)
})

describe.each(declaration.provider.tools.map((tool) => [tool.identity.name, tool] as const))(
  '%s',
  (name, tool) => {
    it('declares the parameters that its code reads, with the same defaults and choices', async () => {
      const module: Record<string, unknown> = await import(`../../tools/${name}.ts`)
      const shape = z.record(z.string(), z.custom<z.ZodType>()).parse(module['PARAMETERS'])
      expect(tool.parameters.map((parameter) => parameter.name).sort()).toEqual(Object.keys(shape).sort())
      for (const parameter of tool.parameters) {
        const schema = shape[parameter.name]
        expect(schema?.safeParse(undefined).data, parameter.name).toEqual(parameter.default)
        for (const { value } of parameter.options ?? []) expect(schema?.safeParse(value).data).toBe(value)
        if (parameter.options) expect(schema?.safeParse('something else').success).toBe(false)
      }
    })

    it('can be bound in a workflow in all its parameters', () => {
      expect(tool.parameters.filter(({ form }) => form !== 'llm')).toEqual([])
    })

    it('explains each output, under a name that a template can hold', () => {
      for (const [output, schema] of Object.entries(tool.output_schema?.properties ?? {})) {
        expect(output).toMatch(/^[a-z][a-z_]{0,29}$/)
        expect(['text', 'json', 'files']).not.toContain(output)
        expect(schema).toMatchObject({ type: expect.any(String), description: expect.stringMatching(/.{4}/) })
      }
      expect(Object.keys(tool.output_schema?.properties ?? {})).toEqual(
        expect.arrayContaining(['status', 'error']),
      )
    })
  },
)
