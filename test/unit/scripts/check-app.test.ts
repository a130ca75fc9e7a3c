import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { exampleFiles } from '../../../examples/source/files.ts'
import { checkApp } from '../../../scripts/check-app/checks.ts'
import { checkFiles } from '../../../scripts/check-app/files.ts'
import { readApp } from '../../../scripts/check-app/read-app.ts'
import { tempDir } from '../../helpers/temp-dir.ts'

const examples = exampleFiles()
const example = (file: string) => examples.get(file) ?? ''

/** The findings in an example after one text was replaced. */
function findingsIn(file: string, from: string | RegExp, to: string): string[] {
  const text = example(file)
  const broken = text.replace(from, to)
  expect(broken, `${file} without ${from}`).not.toBe(text)
  return checkApp(readApp(broken)).map(({ node, text: what }) => (node === '' ? what : `${node}: ${what}`))
}

/** The YAML of a bound parameter. */
const parameter = (name: string, value: string) =>
  new RegExp(
    `            ${name}:\\n              type: \\w+\\n              value: ${value.replaceAll(/[.{}#|]/g, '\\$&')}\\n`,
  )

it.each([...examples])('finds nothing in %s', (_file, text) => {
  expect(checkApp(readApp(text))).toEqual([])
})

describe('finds', () => {
  it('a window size that differs from that of the LLM node', () => {
    expect(findingsIn('per-query.yml', 'size: 10', 'size: 20')).toEqual([
      'Retrieve Memory: window_size is 10, but the node LLM has a window of 20. Enter 20.',
    ])
    expect(findingsIn('cached.yml', /(window:\n +enabled): true/, '$1: false')).toEqual([
      'Cache Get: window_size is 10, but the node LLM has its window switched off. Enter 500.',
      'Cache Set: window_size is 10, but the node LLM has its window switched off. Enter 500.',
    ])
    expect(findingsIn('cached-delta.yml', / {10}memory:\n[\s\S]*?(?= {10}vision)/, '')).toContain(
      'Retrieve Memory: window_size is 10, but the node LLM has its memory switched off. Enter 0.',
    )
  })

  it('a window size other than 0 of a result that Cache Set stores', () => {
    expect(findingsIn('cached.yml', 'value: 0\n            top_k', 'value: 10\n            top_k')).toEqual([
      'Retrieve Memory: window_size is 10, but Cache Set stores the result, which is still used when those turns have left the window. Enter 0.',
    ])
  })

  it('a turn that is not bound, or always the same', () => {
    const turn = parameter('turn', '"{{#sys.dialogue_count#}}"')
    expect(findingsIn('per-query.yml', turn, '')).toEqual([
      'Add Message: Turn is not bound, so that a regenerated answer is stored as another turn. Insert sys.dialogue_count.',
    ])
    expect(findingsIn('per-query.yml', '{{#sys.dialogue_count#}}', '3')).toEqual([
      'Add Message: Turn is always 3, so that every turn replaces the one before. Insert sys.dialogue_count.',
    ])
  })

  it('a user that is not bound, or the same for everyone', () => {
    expect(findingsIn('per-query.yml', parameter('user_id', '"{{#sys.user_id#}}"'), '')).toEqual([
      'Add Message: User ID is not bound, so that the node answers with an error. Insert sys.user_id.',
    ])
    expect(findingsIn('per-query.yml', '"{{#sys.user_id#}}"', 'ada')).toEqual([
      'Add Message: User ID is the text "ada", so that all users share one memory. Insert sys.user_id.',
    ])
  })

  it('an output that does not exist, in a template and in a selector', () => {
    expect(findingsIn('per-query.yml', '{{#retrieve.context#}}', '{{#retrieve.memory#}}')).toEqual([
      expect.stringMatching(/^Retrieve Memory: no node reads its context/),
      expect.stringMatching(
        /^LLM: reads memory of Retrieve Memory, which has no such output and prints as "retrieve\.memory"\. Its outputs: context, block, delta,/,
      ),
    ])
    expect(
      findingsIn(
        'cached.yml',
        '- cache_get\n                    - status',
        '- cache_get\n                    - result',
      ),
    ).toEqual([expect.stringMatching(/^Hit\?: reads result of Cache Get, which has no such output/)])
    expect(findingsIn('per-query.yml', '{{#llm.text#}}', '{{#gpt.text#}}')).toEqual([
      'Add Turn: reads gpt.text, but the app has no node gpt. Insert the variable again.',
    ])
  })

  it('that Add Memory is missing, and that nothing reads the memory', () => {
    const withoutAdd = example('per-query.yml').replaceAll('tool_name: add_memory', 'tool_name: flush_memory')
    expect(checkApp(readApp(withoutAdd))[0]).toEqual({
      node: '',
      text: 'Add Memory is missing, so that nothing is remembered. Put it between LLM and Answer.',
    })
    expect(findingsIn('agent.yml', 'tool_name: add_memory', 'tool_name: profile')).toEqual([
      'Add Memory is missing, so that nothing is remembered. Add it to the tools of the agent.',
    ])
    expect(findingsIn('agent.yml', 'tool_name: retrieve_memory', 'tool_name: flush_memory')).toEqual([
      'memory is stored and never read. Add Retrieve Memory to the tools of the agent.',
    ])
  })

  it.each([
    [
      'cached-node.yml',
      /(value: cached\n[\s\S]*?value: )10/,
      '$11',
      'Retrieve Memory: Strategy cached never caches with a window_size of 1. Choose per_query.',
    ],
    [
      'cached-delta.yml',
      '{{#retrieve.delta#}}',
      '',
      'Retrieve Memory: delta is not used, so that the prompt lacks what it holds under cached_delta. Insert it too, or context alone.',
    ],
    ['cached-delta.yml', 'value: cached_delta', 'value: cached', 'Retrieve Memory: '],
    [
      'cached-delta.yml',
      '{{#retrieve.block#}}',
      '{{#retrieve.context#}}',
      'Retrieve Memory: context is used beside block or delta, so that the prompt has memories twice. Use context, or block and delta.',
    ],
    [
      'per-query.yml',
      '{{#retrieve.context#}}',
      '{{#retrieve.block#}}',
      'Retrieve Memory: block is always empty under per_query. Insert context.',
    ],
    [
      'cached-node.yml',
      '{{#retrieve.context#}}',
      '{{#retrieve.delta#}}',
      'Retrieve Memory: delta is always empty under cached. Insert block or context.',
    ],
    [
      'cached.yml',
      'value: per_query',
      'value: cached',
      'Retrieve Memory: Strategy cached caches by itself, and Cache Set stores the result again. Choose per_query.',
    ],
    [
      'experiment.yml',
      /( {12}experiment:\n {14}type: mixed\n {14}value: ).*/,
      '$1""',
      'Retrieve Memory: Strategy experiment needs the name of an experiment. Enter it under Experiment.',
    ],
  ])('a strategy that its wiring defeats: %s, %s -> %s', (file, from, to, finding) => {
    const findings = findingsIn(file, from, to)
    if (finding !== 'Retrieve Memory: ') expect(findings).toContain(finding)
    // block and delta of a strategy without a delta are correct.
    else expect(findings).toEqual([])
  })
})

describe('does not complain about', () => {
  it('values that variables set, and the missing turn of a workflow app', () => {
    const bound = 'type: variable\n              value:\n                - env\n                - window'
    expect(findingsIn('per-query.yml', /type: constant\n {14}value: 10/, bound)).toEqual([])
    const workflow = example('per-query.yml')
      .replaceAll('mode: advanced-chat', 'mode: workflow')
      .replaceAll('value: "{{#sys.dialogue_count#}}"', 'value: ""')
    expect(checkApp(readApp(workflow))).toEqual([])
  })

  it('nodes without a title, and an agent app without tools', () => {
    expect(findingsIn('per-query.yml', 'title: Start', 'title: null')).toEqual([])
    expect(
      checkApp(readApp('app: { mode: agent-chat }\nworkflow: null\nmodel_config: { agent_mode: null }')),
    ).toEqual([])
  })

  it('a plugin that was connected for debugging, whose author is a tenant', () => {
    const debug = example('per-query.yml').replaceAll(
      'hippocache/hippocache/hippocache',
      '7b2f4c1e-8a35/hippocache/hippocache',
    )
    expect(checkApp(readApp(debug))).toEqual([])
    expect(checkApp(readApp(debug.replace('size: 10', 'size: 5')))).toHaveLength(1)
  })
})

describe('npm run check-app', () => {
  async function check(files: Record<string, string>) {
    const folder = tempDir()
    const lines: string[] = []
    const log = (line: string) => void lines.push(line.replaceAll(`${folder}/`, ''))
    for (const [file, text] of Object.entries(files)) await writeFile(join(folder, file), text)
    const paths = Object.keys(files).map((file) => join(folder, file))
    return { code: await checkFiles(paths, { log, error: log }), lines }
  }

  it('exits with 0 when there is nothing to correct, and says when there is nothing to check', async () => {
    const files = { 'a.yml': example('per-query.yml'), 'b.yml': example('http-only.yml') }
    expect(await check(files)).toEqual({
      code: 0,
      lines: ['a.yml: nothing to correct', 'b.yml: has no node of Hippocache; nothing was checked'],
    })
  })

  it('exits with 1 and prints one line per finding, with the file and the title of the node', async () => {
    expect(await check({ 'a.yml': example('per-query.yml').replace('size: 10', 'size: 4') })).toEqual({
      code: 1,
      lines: ['a.yml: Retrieve Memory: window_size is 10, but the node LLM has a window of 4. Enter 4.'],
    })
  })

  it('exits with 2 for what is no app', async () => {
    const { code, lines } = await check({ 'a.yml': 'version: 1', 'b.yml': 'a: [', 'c.yml': '' })
    expect(code).toBe(2)
    expect(lines[0]).toMatch(/^a\.yml: expected an app exported from Dify, got app: /)
    expect(lines).toHaveLength(3)
    expect((await check({})).code).toBe(2)
  })
})
