import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  DeclarationError,
  formatIssue,
  inspectPlugin,
  loadPlugin,
} from '../../../../plugin-sdk/declarations/index.ts'
import { readYaml } from '../../../../plugin-sdk/declarations/yaml.ts'
import { writePlugin } from '../../../helpers/plugin-sdk/declarations/acme-plugin.ts'

const manifest = 'manifest.yaml'
const provider = 'provider/notes.yaml'
const tool = 'tools/search.yaml'

describe('loadPlugin', () => {
  it('reads a valid plugin from a path and from a URL', async () => {
    const root = await writePlugin()
    const plugin = await loadPlugin(root)
    expect(plugin.root).toBe(root)
    expect(plugin.manifest).toMatchObject({ version: '0.1.0', created_at: '2025-01-01T00:00:00Z' })
    expect(plugin.manifest.plugins).toEqual({ tools: [provider] })
    expect(plugin.provider.tools.map((item) => item.identity.name)).toEqual(['search', 'add'])
    expect(plugin.assets.map((asset) => asset.filename)).toEqual(['icon.svg'])
    expect(await loadPlugin(pathToFileURL(`${root}/`))).toEqual(plugin)
  })

  it('has no warnings for a valid plugin, and lists the files it read', async () => {
    const { warnings, errors, files } = await inspectPlugin(await writePlugin())
    expect({ warnings, errors }).toEqual({ warnings: [], errors: [] })
    expect(files).toEqual([manifest, provider, tool, 'tools/add.yaml'])
  })

  it('converts the map form of credentials to a list', async () => {
    const { credentials_schema } = (await loadPlugin(await writePlugin())).provider
    expect(credentials_schema.map(({ name, type, required }) => [name, type, required])).toEqual([
      ['url', 'text-input', true],
      ['key', 'secret-input', false],
      ['mode', 'select', false],
    ])
  })

  it('keeps the falsy values 0, "" and false as defaults', async () => {
    const root = await writePlugin(
      [tool, 'llm_description: What', 'default: ""\n    llm_description: What'],
      [tool, 'type: model-selector', 'type: boolean\n    default: false'],
      [tool, '    scope: llm&vision\n', ''],
    )
    const parameters = (await loadPlugin(root)).provider.tools[0]?.parameters
    expect(parameters?.map((item) => item.default)).toEqual(['', 0, 'newest', false])
  })

  it('accepts a range of one number', async () => {
    const root = await writePlugin([tool, 'max: 50', 'max: 0'])
    expect((await loadPlugin(root)).provider.tools[0]?.parameters[1]).toMatchObject({
      min: 0,
      max: 0,
      default: 0,
    })
  })

  it('lists every problem of every file', async () => {
    const root = await writePlugin(
      [manifest, 'version: 0.1.0', 'version: one'],
      [manifest, 'memory: 268435456', 'memory: none'],
      [provider, 'name: notes', 'name: NOTES'],
      [tool, 'type: number', 'type: integer'],
      [tool, 'count:', 'text:'],
      ['tools/add.yaml', 'form: llm', 'form: llama'],
    )
    const error = await loadPlugin(root).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(DeclarationError)
    const { issues, message } = error as DeclarationError
    expect(issues.map(({ file, path }) => `${file} ${path}`)).toEqual([
      'manifest.yaml version',
      'manifest.yaml resource.memory',
      'provider/notes.yaml identity.name',
      'tools/search.yaml parameters[1].type',
      'tools/search.yaml parameters[1].min',
      'tools/search.yaml parameters[1].max',
      'tools/search.yaml output_schema.properties.text',
      'tools/add.yaml parameters[0].form',
    ])
    expect(message.split('\n')).toHaveLength(issues.length + 1)
    for (const issue of issues) expect(message).toContain(formatIssue(issue))
  })

  it.each(['0.0.1', '1.2.3-beta', '1.2.3-rc1', '1.2.3-alpha', '1.2.3-2', '9999.9999.9999-dev12'])(
    'accepts version %s',
    async (version) => {
      const root = await writePlugin([manifest, 'version: 0.1.0', `version: "${version}"`])
      expect((await loadPlugin(root)).manifest.version).toBe(version)
    },
  )

  it.each(['"2025-01-01T00:00:00Z"', '2025-01-01T00:00:00+09:00', '2025-01-01T00:00:00.123456789Z'])(
    'accepts created_at %s',
    async (time) => {
      const root = await writePlugin([manifest, '2025-01-01T00:00:00Z', time])
      expect((await loadPlugin(root)).manifest.created_at).toBe(time.replaceAll('"', ''))
    },
  )

  it('accepts anchors, merge keys, a byte order mark and keys without a value', async () => {
    const root = await writePlugin(
      [manifest, 'version: 0.1.0', '\uFEFFversion: 0.1.0'],
      [manifest, 'repo: https://example.com/notes', 'repo:\nicon_dark: null'],
      [tool, 'label: {en_US: Query}', 'label: &label {en_US: Query}'],
      [tool, 'label: {en_US: Limit}', 'label: {<<: *label, ja_JP: 件数}'],
    )
    const { manifest: loaded, provider: withTools } = await loadPlugin(root)
    expect(loaded).not.toHaveProperty('repo')
    expect(loaded).not.toHaveProperty('icon_dark')
    expect(withTools.tools[0]?.parameters[1]?.label).toEqual({ en_US: 'Query', ja_JP: '件数' })
  })

  it('keeps null inside an output schema', async () => {
    const { output_schema } = (await loadPlugin(await writePlugin())).provider.tools[0] ?? {}
    expect(output_schema?.properties['count']).toEqual({ type: 'integer', default: null })
  })

  it('counts the length of a label in code points', async () => {
    const label = '📝'.repeat(1023)
    await expect(
      loadPlugin(await writePlugin([manifest, 'en_US: Notes', `en_US: ${label}`])),
    ).resolves.toBeDefined()
    await expect(
      loadPlugin(await writePlugin([manifest, 'en_US: Notes', `en_US: ${label}x`])),
    ).rejects.toThrow(/1023/)
  })

  it('lists assets in folders with forward slashes', async () => {
    const icon = 'dark/icon.svg'
    const root = await writePlugin(
      [`_assets/${icon}`, '<svg/>'],
      [manifest, 'icon: icon.svg', `icon: ${icon}`],
    )
    expect((await loadPlugin(root)).assets.map((asset) => asset.filename)).toEqual([icon, 'icon.svg'])
  })

  it('reports a missing manifest', async () => {
    const root = await writePlugin()
    await expect(loadPlugin(join(root, 'tools'))).rejects.toThrow(
      'expected a readable file manifest.yaml, got none',
    )
  })

  it('rejects a file with too many aliases', async () => {
    const lines = Array.from(
      { length: 9 },
      (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(', ')}]`,
    )
    const root = await writePlugin()
    await writeFile(join(root, manifest), `a0: &a0 x\n${lines.join('\n')}\n`)
    await expect(loadPlugin(root)).rejects.toThrow('manifest.yaml: invalid YAML: Excessive alias count')
  })
})

describe('warnings', () => {
  it('list unknown keys with the known ones', async () => {
    const { declaration, warnings } = await inspectPlugin(
      await writePlugin(
        [
          tool,
          'llm_description: What to look for',
          'lm_description: What to look for\n    llm_description: x',
        ],
        [provider, 'help: {en_US', 'helpp: {en_US'],
        [manifest, 'repo: ', 'colour: blue\nrepo: '],
      ),
    )
    expect(declaration).toBeDefined()
    expect(warnings.map(formatIssue)).toEqual([
      expect.stringMatching(/^manifest.yaml: colour: unknown key; expected one of version, type, /),
      expect.stringMatching(
        /^provider\/notes.yaml: credentials_for_provider.key.helpp: unknown key; .* help,/,
      ),
      expect.stringMatching(
        /^tools\/search.yaml: parameters\[0\].lm_description: unknown key; .* llm_description,/,
      ),
    ])
  })

  it('list a parameter without llm_description, a missing privacy file, and a reserved author', async () => {
    const { warnings } = await inspectPlugin(
      await writePlugin(
        [tool, '    llm_description: What to look for\n', ''],
        [manifest, 'repo:', 'privacy: PRIVACY.md\nrepo:'],
        [manifest, 'author: acme', 'author: langgenius'],
      ),
    )
    expect(warnings.map((warning) => warning.path)).toEqual([
      'author',
      'privacy',
      'parameters[0].llm_description',
    ])
  })
})

describe('readYaml', () => {
  it('reads any JSON object', () => {
    const json = fc.dictionary(
      fc.string(),
      fc.letrec((tie) => ({
        value: fc.oneof(
          { depthSize: 'small' },
          fc.string(),
          fc.boolean(),
          fc.integer(),
          fc.array(tie('value')),
          fc.dictionary(fc.string(), tie('value')),
        ),
      })).value,
    )
    fc.assert(
      fc.property(json, (value) => {
        const errors: never[] = []
        const source = JSON.stringify(value)
        expect(readYaml('x.yaml', source, errors)).toEqual(JSON.parse(source))
        expect(errors).toEqual([])
      }),
    )
  })
})
