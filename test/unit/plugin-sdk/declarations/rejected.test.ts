import { describe, expect, it } from 'vitest'
import { formatIssue, inspectPlugin } from '../../../../plugin-sdk/declarations/index.ts'
import { type Edit, writePlugin } from '../../../helpers/plugin-sdk/declarations/acme-plugin.ts'

const manifest = 'manifest.yaml'
const provider = 'provider/notes.yaml'
const tool = 'tools/search.yaml'
const longName = 'a'.repeat(31)

/** One wrong place each: the edit, and the one line that has to come out of it. */
const cases: [edit: Edit, line: string][] = [
  // Files as such
  [[manifest, null], 'manifest.yaml: expected a readable file manifest.yaml, got none'],
  [[manifest, ''], 'manifest.yaml: expected a mapping at the top, got an empty file'],
  [[manifest, '- 1'], 'manifest.yaml: expected a mapping at the top, got [1]'],
  [
    [manifest, 'type: plugin', 'type: plugin\ntype: plugin'],
    'manifest.yaml: invalid YAML: Map keys must be unique at line 3, column 1:',
  ],
  [
    [tool, new Uint8Array([0x61, 0x3a, 0xff])],
    `${provider}: tools[0]: expected UTF-8 text, got other bytes in ${tool}`,
  ],
  [[tool, null], `${provider}: tools[0]: expected a readable file ${tool}, got none`],
  [[provider, null], `${manifest}: plugins.tools[0]: expected a readable file ${provider}, got none`],
  [
    [manifest, '[provider/notes.yaml]', '[../notes.yaml]'],
    `${manifest}: plugins.tools[0]: expected a path below the plugin with forward slashes, got "../notes.yaml"`,
  ],
  [
    [provider, 'tools/search.yaml', 'tools\\search.yaml'],
    `${provider}: tools[0]: expected a path below the plugin with forward slashes, got "tools\\search.yaml"`,
  ],
  [
    ['_assets/icon.svg', null],
    `${manifest}: icon: expected the name of a non-empty file in _assets/, got "icon.svg"`,
  ],

  [
    ['_assets/icon.svg', ''],
    `${manifest}: icon: expected the name of a non-empty file in _assets/, got "icon.svg"`,
  ],

  // Manifest
  ...['1.0', 'v1.0.0', '1.0.0.0', '1.0.0-a.1', '1.0.0+x', '0.0.1-foo', '12345.0.0'].map(
    (version): [Edit, string] => [
      [manifest, 'version: 0.1.0', `version: "${version}"`],
      `${manifest}: version: expected a version such as 1.2.3, 1.2.3-beta or 1.2.3-rc1, got "${version}"`,
    ],
  ),
  [
    [manifest, 'version: 0.1.0', 'version: 1.0'],
    `${manifest}: version: expected a version such as 1.2.3, 1.2.3-beta or 1.2.3-rc1, got 1`,
  ],
  [[manifest, 'type: plugin', 'type: bundle'], `${manifest}: type: expected "plugin", got "bundle"`],
  [
    [manifest, 'author: acme', 'author: Acme'],
    `${manifest}: author: expected 1 to 64 of a-z, 0-9, _ and -, got "Acme"`,
  ],
  [
    [manifest, 'author: acme', 'author: 3f0d6f5e-0000-4000-8000-000000000000'],
    `${manifest}: author: expected a name that is not a UUID, got "3f0d6f5e-0000-4000-8000-000000000000"`,
  ],
  [
    [manifest, 'name: notes', 'name: my notes'],
    `${manifest}: name: expected 1 to 128 of a-z, 0-9, _ and -, got "my notes"`,
  ],
  [
    [manifest, 'label: {en_US: Notes}', ''],
    `${manifest}: label: expected a mapping of locales with at least en_US, got nothing`,
  ],
  [
    [manifest, '{en_US: Notes}', '{en_US: ""}'],
    `${manifest}: label.en_US: expected a string of 1 to 1023 characters, got ""`,
  ],
  [
    [manifest, '2025-01-01T00:00:00Z', '2025-01-01T00:00:00'],
    `${manifest}: created_at: expected a time with a zone such as 2025-01-01T00:00:00Z, got "2025-01-01T00:00:00"`,
  ],
  [
    [manifest, '2025-01-01T00:00:00Z', '2025-02-30T00:00:00Z'],
    `${manifest}: created_at: expected a time with a zone such as 2025-01-01T00:00:00Z, got "2025-02-30T00:00:00Z"`,
  ],
  [
    [manifest, 'memory: 268435456', 'memory: 0'],
    `${manifest}: resource.memory: expected an integer number of bytes greater than 0, got 0`,
  ],
  [
    [manifest, 'memory: 268435456', 'memory: 256MB'],
    `${manifest}: resource.memory: expected an integer number of bytes greater than 0, got "256MB"`,
  ],
  [
    [manifest, '{enabled: true, size: 1048576}', '{enabled: false}'],
    `${manifest}: resource.permission.storage.size: expected an integer number of bytes from 1024 to 1073741824 (omit storage for none), got nothing`,
  ],
  [
    [manifest, 'llm: true', 'llm: "true"'],
    `${manifest}: resource.permission.model.llm: expected true or false, got "true"`,
  ],
  [
    [manifest, '[provider/notes.yaml]', '[provider/notes.yaml, provider/other.yaml]'],
    `${manifest}: plugins.tools: expected exactly one provider file (the daemon ignores others), got ["provider/notes.yaml","provider/other.yaml"]`,
  ],
  [
    [manifest, 'tools: [provider/notes.yaml]', 'tools: [provider/notes.yaml]\n  models: [models/a.yaml]'],
    `${manifest}: plugins.models: expected nothing, because this SDK supports tools only, got ["models/a.yaml"]`,
  ],
  [
    [manifest, '[amd64, arm64]', '[x86_64]'],
    `${manifest}: meta.arch[0]: expected one of amd64, arm64, got "x86_64"`,
  ],
  [
    [manifest, 'language: python', 'language: nodejs'],
    `${manifest}: meta.runner.language: expected "python" (the only language the daemon starts), got "nodejs"`,
  ],
  [
    [manifest, 'version: "3.12"', 'version: 3.12'],
    `${manifest}: meta.runner.version: expected a quoted version such as "3.12", got 3.12`,
  ],
  [
    [manifest, 'entrypoint: main', 'entrypoint: main.py/x'],
    `${manifest}: meta.runner.entrypoint: expected the name of a Python module such as main, got "main.py/x"`,
  ],
  [
    [manifest, 'minimum_dify_version: 1.7.0', 'minimum_dify_version: latest'],
    `${manifest}: meta.minimum_dify_version: expected a PEP 440 version such as 1.7.0, got "latest"`,
  ],
  [
    [manifest, 'tags: [utilities]', 'tags: [agent]'],
    `${manifest}: tags[0]: expected one of search, image, videos, weather, finance, design, travel, social, news, medical, productivity, education, business, entertainment, utilities, rag, other, got "agent"`,
  ],
  [
    [manifest, 'https://example.com/notes', '""'],
    `${manifest}: repo: expected a URL (omit the key when there is none), got ""`,
  ],

  // Provider
  [
    [provider, 'name: notes', 'name: Notes'],
    `${provider}: identity.name: expected a name of a-z, 0-9, _ and -, got "Notes"`,
  ],
  [
    [provider, 'icon: icon.svg', 'icon: dark.svg'],
    `${provider}: identity.icon: expected the name of a non-empty file in _assets/, got "dark.svg"`,
  ],
  [
    [provider, 'type: secret-input', 'type: number'],
    `${provider}: credentials_for_provider.key.type: expected one of secret-input, text-input, select, boolean, app-selector, model-selector, array[tools], got "number"`,
  ],
  [
    [provider, 'help: {en_US: Where it comes from}', 'help: {zh_Hans: x}'],
    `${provider}: credentials_for_provider.key.help.en_US: expected a string of 1 to 1023 characters, got nothing`,
  ],
  [
    [provider, 'type: secret-input,', 'type: secret-input, scope: llm,'],
    `${provider}: credentials_for_provider.key.scope: expected no scope on a secret-input (only model-selector, app-selector have one), got "llm"`,
  ],
  [
    [provider, 'default: fast', 'default: medium'],
    `${provider}: credentials_for_provider.mode.default: expected one of fast, slow, got "medium"`,
  ],
  [
    [provider, '"http://localhost"', '8484'],
    `${provider}: credentials_for_provider.url.default: expected a string for a text-input, got 8484`,
  ],
  [
    [provider, 'tools:\n', 'credentials_schema: []\ntools:\n'],
    `${provider}: credentials_for_provider: expected this or credentials_schema, got both: Dify would drop one`,
  ],
  [
    [provider, 'tools/add.yaml', 'tools/search.yaml'],
    `${provider}: tools[1]: expected each tool file once, got "tools/search.yaml"`,
  ],

  // Tool
  [
    [tool, 'name: search', 'name: Search-Notes'],
    `${tool}: identity.name: expected 1 to 64 of a-z, 0-9 and _, got "Search-Notes"`,
  ],
  [
    ['tools/add.yaml', 'name: add,', 'name: search,'],
    `tools/add.yaml: identity.name: expected a name other than that of ${tool}, got "search"`,
  ],
  [[tool, 'llm: Finds notes', 'llm: ""'], `${tool}: description.llm: expected text for the model, got ""`],
  ...['text-input', 'integer', 'system-files', 'array[tools]', 'tool-selector', 'date', 'date-range'].map(
    (type): [Edit, string] => [
      [tool, 'type: string', `type: "${type}"`],
      `${tool}: parameters[0].type: expected one of string, number, boolean, select, secret-input, file, files, app-selector, model-selector, any, dynamic-select, array, object, checkbox, got "${type}"`,
    ],
  ),
  [
    [tool, 'name: query', 'name: my query'],
    `${tool}: parameters[0].name: expected an identifier of at most 64 characters, got "my query"`,
  ],
  [
    [tool, 'name: limit', 'name: query'],
    `${tool}: parameters[1].name: expected a name that no other parameter has, got "query"`,
  ],
  [
    [tool, 'form: llm', 'form: user'],
    `${tool}: parameters[0].form: expected one of llm, form, schema, got "user"`,
  ],
  [
    [tool, 'human_description: {en_US: What to look for}', 'human_description:'],
    `${tool}: parameters[0].human_description: expected a mapping of locales with at least en_US, got nothing`,
  ],
  [
    [tool, 'required: true', 'required: "true"'],
    `${tool}: parameters[0].required: expected true or false, got "true"`,
  ],
  [
    [tool, 'required: true', 'required: yes'],
    `${tool}: parameters[0].required: expected a value that is the same in YAML 1.1 and 1.2, got "yes" in YAML 1.2 and true in YAML 1.1: quote it or write it out`,
  ],
  [
    [tool, 'default: 0', 'default: "0"'],
    `${tool}: parameters[1].default: expected a number for a number, got "0"`,
  ],
  [
    [tool, 'default: 0', 'default: 51'],
    `${tool}: parameters[1].default: expected a number not above max 50, got 51`,
  ],
  [[tool, 'max: 50', 'max: -1'], `${tool}: parameters[1].max: expected a number not below min 0, got -1`],
  [
    [tool, 'max: 50', 'max: 50\n    precision: 1.5'],
    `${tool}: parameters[1].precision: expected an integer number of digits, got 1.5`,
  ],
  [[tool, 'required: true', 'min: 1'], `${tool}: parameters[0].min: expected no min for a string, got 1`],
  [
    [tool, 'default: newest', 'default: oldest'],
    `${tool}: parameters[2].default: expected one of newest, 1, got "oldest"`,
  ],
  [
    [tool, 'value: "1"', 'value: 1'],
    `${tool}: parameters[2].options[1].value: expected a string of 1 to 1023 characters (quote numbers and booleans), got 1`,
  ],
  [
    [tool, 'value: "1"', 'value: newest'],
    `${tool}: parameters[2].options[1].value: expected a value that no other option has, got "newest"`,
  ],
  [
    [tool, '{value: newest, label: {en_US: Newest}}', '{value: on, label: {en_US: On}}'],
    `${tool}: parameters[2].options[0].value: expected a value that is the same in YAML 1.1 and 1.2, got "on" in YAML 1.2 and true in YAML 1.1: quote it or write it out`,
  ],
  [
    [tool, 'required: true', 'multiple: true'],
    `${tool}: parameters[0].multiple: expected false for a string, got true`,
  ],
  [
    [tool, 'scope: llm&vision', 'scope: all'],
    `${tool}: parameters[3].scope: expected one or more of llm, text-embedding, rerank, tts, speech2text, moderation, vision, document, tool-call, joined with &, got "all"`,
  ],
  [
    [tool, 'required: true', 'scope: llm'],
    `${tool}: parameters[0].scope: expected no scope on a string (only model-selector, app-selector, any have one), got "llm"`,
  ],
  [
    [tool, 'required: true', 'template: true'],
    `${tool}: parameters[0].template: expected a mapping with enabled, got true`,
  ],
  [
    [tool, 'required: true', 'auto_generate: {type: code}'],
    `${tool}: parameters[0].auto_generate.type: expected "prompt_instruction", got "code"`,
  ],

  // Output schema
  [
    [tool, '  type: object\n', '  type: array\n'],
    `${tool}: output_schema.type: expected "object", got "array"`,
  ],
  [
    [tool, '  properties:\n', '  fields:\n'],
    `${tool}: output_schema.properties: expected a mapping from variable name to schema, got nothing`,
  ],
  ...['text', 'json', 'files'].map((name): [Edit, string] => [
    [tool, 'count: {', `${name}: {`],
    `${tool}: output_schema.properties.${name}: expected a name other than text, json, files, got "${name}"`,
  ]),
  ...['took-ms', '2nd', longName].map((name): [Edit, string] => [
    [tool, 'count: {', `${name}: {`],
    `${tool}: output_schema.properties.${name}: expected a name of 1 to 30 letters, digits and _ that does not start with a digit, got "${name}"`,
  ]),
  [
    [tool, 'type: integer', 'type: int'],
    `${tool}: output_schema.properties.count.type: expected one of string, number, integer, boolean, object, array, got "int"`,
  ],
  [
    [tool, 'items: {type: object, properties: {text: {type: string}}}', 'minItems: 0'],
    `${tool}: output_schema.properties.notes.items: expected a schema such as {type: string}, got nothing`,
  ],
  [
    [tool, 'type: integer', '$ref: "#/properties/notes"'],
    `${tool}: output_schema.properties.count.$ref: expected one of the schemas under https://dify.ai/schemas/ (others are not resolved), got "#/properties/notes"`,
  ],
]

describe('a declaration with one problem', () => {
  it.each(cases.map(([edit, line]) => ({ edit, line })))('is rejected: $line', async ({ edit, line }) => {
    const { declaration, errors } = await inspectPlugin(await writePlugin(edit))
    expect(declaration).toBeUndefined()
    // An edit may break more than one thing (an icon that both files name), never this line's place twice.
    expect(errors.map(formatIssue)).toContain(line)
    expect(new Set(errors.map(({ file, path }) => `${file}:${path}`)).size).toBe(errors.length)
  })
})
