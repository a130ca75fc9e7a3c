import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { examples } from '../../../examples/source/index.ts'
import { parseChatflow } from '../../helpers/examples/dsl.ts'

/**
 * The schemas of Dify's own workflow engine, which need Python 3.12: `pip install --no-deps graphon` (0.6 to 0.8), and
 * `pip install pydantic pydantic-extra-types httpx json-repair orjson charset-normalizer jsonschema`.
 */
const PYTHON = process.env['GRAPHON_PYTHON'] ?? 'python3'
const isInstalled = spawnSync(PYTHON, ['-c', 'import graphon.nodes.llm.entities']).status === 0
if (!isInstalled) console.warn(`graphon: skipped: ${PYTHON} has no package graphon; set GRAPHON_PYTHON`)

describe.skipIf(!isInstalled)('the schemas of the workflow engine (set GRAPHON_PYTHON)', () => {
  const nodes = Object.fromEntries(
    examples().flatMap(({ file, app }) =>
      file === 'agent.yml' ? [] : [[file, parseChatflow(app).workflow.graph.nodes.map(({ data }) => data)]],
    ),
  )
  const validate = (files: object): unknown => {
    const script = fileURLToPath(new URL('validate_nodes.py', import.meta.url))
    const { stdout, stderr } = spawnSync(PYTHON, [script], { input: JSON.stringify(files), encoding: 'utf8' })
    expect(stderr).toBe('')
    return JSON.parse(stdout)
  }

  it('accept every node of the examples', () => {
    expect(validate(nodes)).toEqual([])
  })

  it('reject a node that lacks a required field', () => {
    const llm = nodes['per-query.yml']?.find(({ type }) => type === 'llm')
    const broken = { ...llm, prompt_template: undefined }
    expect(validate({ 'broken.yml': [broken] })).toEqual([expect.stringContaining('prompt_template')])
  })
})
