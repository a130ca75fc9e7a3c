import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { connectDify, createFakeDify } from '../../helpers/plugin-sdk/fake-daemon/fake-dify.ts'
import { request } from '../../helpers/plugin-sdk/fake-daemon/requests.ts'
import { nodeOutput } from '../../helpers/plugin-sdk/fake-daemon/tool-output.ts'
import { freePort } from '../../helpers/plugin-sdk/helpers.ts'
import { startSidecar } from '../../helpers/sidecar-process.ts'
import { tempDir } from '../../helpers/temp-dir.ts'
import { startStdioDaemon } from '../plugin-sdk/fake-daemon/stdio-daemon.ts'

const main = fileURLToPath(new URL('../../../main.ts', import.meta.url))

it('loses no turn while the sidecar is away, although the plugin process is killed meanwhile', async () => {
  const port = await freePort()
  const env = { DATA_DIR: tempDir(), PORT: String(port) }
  const dify = createFakeDify()

  async function startPlugin() {
    const daemon = await startStdioDaemon([main])
    connectDify(daemon.router, daemon.write, dify)
    return {
      daemon,
      async say(turn: number) {
        const tool = { provider: 'hippocache', tool: 'add_memory', credential_type: 'api-key' }
        const parameters = { user: `I own ${turn} boats.`, user_id: 'ada', conversation_id: 'c1', turn }
        const result = await daemon.invoke(
          request({
            ...{ type: 'tool', action: 'invoke_tool', ...tool, tool_parameters: parameters },
            credentials: { sidecar_url: `http://127.0.0.1:${port}` },
          }),
        )
        return nodeOutput(result).variables['status']
      },
    }
  }

  const sidecar = await startSidecar(env)
  const plugin = await startPlugin()
  expect(await plugin.say(1)).toBe('stored')
  await sidecar.kill()
  expect(await plugin.say(2)).toBe('queued')
  expect(await plugin.say(3)).toBe('queued')
  expect(plugin.daemon.router.problems).toEqual([])
  await plugin.daemon[Symbol.asyncDispose]()

  const restarted = await startSidecar(env)
  const again = await startPlugin()
  expect(await again.say(4)).toBe('stored')
  expect(dify.stored.size).toBe(0)
  const { body } = await restarted.call('GET', '/v1/conversations/c1/timeline?user_id=ada')
  const turns = body.turns as { turn: number; messages: { content: string }[] }[]
  expect(turns.map(({ turn, messages }) => [turn, messages.map(({ content }) => content)])).toEqual(
    [4, 3, 2, 1].map((turn) => [turn, [`I own ${turn} boats.`]]),
  )
  await again.daemon[Symbol.asyncDispose]()
})
