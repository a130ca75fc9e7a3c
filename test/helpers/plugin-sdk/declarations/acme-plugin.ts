/** A complete small plugin as text, and a way to write it to a directory with some places changed. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'

export const acme: Record<string, string> = {
  'manifest.yaml': `version: 0.1.0
type: plugin
author: acme
name: notes
label: {en_US: Notes}
description: {en_US: Keeps notes}
icon: icon.svg
created_at: 2025-01-01T00:00:00Z
resource:
  memory: 268435456
  permission:
    model: {enabled: true, llm: true}
    storage: {enabled: true, size: 1048576}
plugins:
  tools: [provider/notes.yaml]
meta:
  version: 0.0.1
  arch: [amd64, arm64]
  runner: {language: python, version: "3.12", entrypoint: main}
  minimum_dify_version: 1.7.0
tags: [utilities]
repo: https://example.com/notes
`,
  'provider/notes.yaml': `identity:
  author: acme
  name: notes
  label: {en_US: Notes, ja_JP: ノート}
  description: {en_US: Keeps notes}
  icon: icon.svg
  tags: [utilities, rag]
credentials_for_provider:
  url: {type: text-input, required: true, default: "http://localhost", label: {en_US: URL}}
  key: {type: secret-input, label: {en_US: Key}, help: {en_US: Where it comes from}}
  mode:
    type: select
    default: fast
    label: {en_US: Mode}
    options: [{value: fast, label: {en_US: Fast}}, {value: slow, label: {en_US: Slow}}]
tools:
  - tools/search.yaml
  - tools/add.yaml
`,
  'tools/search.yaml': `identity: {author: acme, name: search, label: {en_US: Search}}
description: {human: {en_US: Finds notes}, llm: Finds notes}
parameters:
  - name: query
    type: string
    form: llm
    required: true
    label: {en_US: Query}
    human_description: {en_US: What to look for}
    llm_description: What to look for
  - name: limit
    type: number
    form: form
    default: 0
    min: 0
    max: 50
    label: {en_US: Limit}
    human_description: {en_US: At most so many}
  - name: order
    type: select
    form: form
    default: newest
    label: {en_US: Order}
    human_description: {en_US: What comes first}
    options:
      - {value: newest, label: {en_US: Newest}}
      - {value: "1", label: {en_US: First}}
  - name: model
    type: model-selector
    form: form
    scope: llm&vision
    label: {en_US: Model}
    human_description: {en_US: Which model}
output_schema:
  type: object
  properties:
    notes: {type: array, items: {type: object, properties: {text: {type: string}}}}
    count: {type: integer, default: null}
    status: {type: [string, "null"]}
`,
  'tools/add.yaml': `identity: {author: acme, name: add, label: {en_US: Add}}
description: {human: {en_US: Adds a note}, llm: Adds a note}
parameters:
  - name: note
    type: string
    form: llm
    required: true
    label: {en_US: Note}
    human_description: {en_US: The text}
    llm_description: The text
`,
  '_assets/icon.svg': '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>',
}

/** `[file, from, to]` replaces a text that must be there; `[file, null]` leaves the file out; `[file, text]` is the file. */
export type Edit =
  | [file: string, from: string, to: string]
  | [file: string, content: string | Uint8Array | null]

/** Writes the plugin to a directory that is removed after the test, and returns the directory. */
export async function writePlugin(...edits: Edit[]): Promise<string> {
  const files: Record<string, string | Uint8Array | null> = { ...acme }
  for (const [file, from, to] of edits) {
    if (to === undefined) files[file] = from
    else {
      const before = files[file]
      if (typeof before !== 'string' || typeof from !== 'string' || !before.includes(from))
        throw new Error(`${file} has no ${String(from)}`)
      files[file] = before.replace(from, () => to)
    }
  }
  const root = await mkdtemp(join(tmpdir(), 'declarations-'))
  onTestFinished(() => rm(root, { recursive: true, force: true }))
  for (const [file, content] of Object.entries(files)) {
    if (content === null) continue
    await mkdir(dirname(join(root, file)), { recursive: true })
    await writeFile(join(root, file), content)
  }
  return root
}
