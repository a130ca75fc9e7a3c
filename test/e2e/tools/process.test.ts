import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { COMPILE_CACHE } from '../../helpers/compile-cache.ts'
import { mismatches } from '../../helpers/tools/run-tool.ts'
import { json, startStub } from '../../helpers/tools/stub-sidecar.ts'

const main = fileURLToPath(new URL('../../../main.ts', import.meta.url))

it('the plugin process answers one call over stdin and stdout and exits when stdin ends', async () => {
  await using stub = await startStub(
    json(200, { status: 'ok', context: '- tea', memories: [{ content: 'tea' }] }),
  )
  const plugin = spawn(process.execPath, [main], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...COMPILE_CACHE, PATH: process.env['PATH'], INSTALL_METHOD: 'local' },
  })
  let errorOutput = ''
  plugin.stderr.on('data', (chunk: Buffer) => {
    errorOutput += chunk.toString()
  })
  const exited = new Promise<number | null>((resolve) => plugin.once('exit', resolve))
  plugin.stdin.write(
    `${JSON.stringify({
      session_id: 's-1',
      event: 'request',
      data: {
        ...{
          user_id: 'u',
          type: 'tool',
          action: 'invoke_tool',
          provider: 'hippocache',
          tool: 'retrieve_memory',
        },
        credentials: { sidecar_url: stub.url },
        tool_parameters: { query: 'drink?', user_id: 'u1' },
      },
    })}\n`,
  )
  const variables: Record<string, unknown> = {}
  for await (const line of createInterface({ input: plugin.stdout })) {
    const frame = JSON.parse(line)
    if (frame.session_id !== 's-1') continue
    if (frame.data.type === 'end') break
    const { type, message } = frame.data.data
    if (type === 'variable') variables[message.variable_name] = message.variable_value
  }
  plugin.stdin.end()
  expect(await exited, errorOutput).toBe(0)
  expect(mismatches('retrieve_memory', variables)).toEqual([])
  expect(variables).toMatchObject({ status: 'ok', context: '- tea', count: 1 })
})
