import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { toWire } from '../../../../plugin-sdk/declarations/index.ts'
import { createServerlessTransport } from '../../../../plugin-sdk/transports/serverless.ts'
import { createTcpTransport } from '../../../../plugin-sdk/transports/tcp.ts'
import {
  connectDify,
  createFakeDify,
  type FakeDify,
  llmChunk,
} from '../../../helpers/plugin-sdk/fake-daemon/fake-dify.ts'
import { invokeTool } from '../../../helpers/plugin-sdk/fake-daemon/requests.ts'
import { nodeOutput } from '../../../helpers/plugin-sdk/fake-daemon/tool-output.ts'
import { fixtureMain, loadFixture, until } from '../../../helpers/plugin-sdk/helpers.ts'
import { invokeServerless } from '../fake-daemon/serverless-client.ts'
import { startStdioDaemon } from '../fake-daemon/stdio-daemon.ts'
import { startTcpDaemon } from '../fake-daemon/tcp-daemon.ts'

/** A tool that uses the storage and a model, with an answer larger than the buffers of pipes and sockets. */
const useDify = () => invokeTool('produce', { kind: 'dify', bytes: 300_000 })
const ANSWER = '🦛'.repeat(100_000)

function createDify(): FakeDify {
  const dify = createFakeDify()
  dify.llm = () => ({ data: llmChunk(ANSWER) })
  return dify
}

/** The daemon's endpoint for calls to Dify in the serverless runtime. */
async function startTransactionServer(dify: FakeDify) {
  const server = createServer(async (request: IncomingMessage, response) => {
    const { session_id, data } = JSON.parse(Buffer.concat(await request.toArray()).toString())
    if (request.url !== '/backwards-invocation/transaction') return response.writeHead(404).end()
    if (request.headers['dify-plugin-session-id'] !== session_id) return response.writeHead(400).end()
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    // Heartbeats and separators are blank lines.
    return response.end(`\n${dify.answer(session_id, data.data).join('\n\n')}\n\n`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function serveHttp(daemonUrl: string | undefined): Promise<string> {
  const transport = createServerlessTransport({ host: '127.0.0.1', port: 0, daemonUrl })
  const stop = new AbortController()
  const served = (await loadFixture()).serve(transport, { stop: stop.signal })
  onTestFinished(async () => {
    stop.abort()
    await served
  })
  await until(() => transport.port > 0)
  return `http://127.0.0.1:${transport.port}`
}

describe('a tool calls Dify', () => {
  it('over stdio, in several sessions at once', async () => {
    await using daemon = await startStdioDaemon([fixtureMain])
    const dify = createDify()
    connectDify(daemon.router, daemon.write, dify)
    const results = await Promise.all([useDify(), useDify(), useDify()].map(daemon.invoke))
    for (const result of results) expect(nodeOutput(result).text).toBe(`${ANSWER}, stored`)
    expect(dify.calls).toHaveLength(12)
    expect(daemon.router.problems).toEqual([])
  })

  it('over TCP', async () => {
    await using daemon = await startTcpDaemon({ key: 'right' })
    connectDify(daemon.router, daemon.write, createDify())
    const plugin = await loadFixture()
    const { declaration } = plugin
    const registration = { ...toWire(declaration), assets: declaration.assets }
    const address = { host: '127.0.0.1', port: daemon.port, key: 'right', handshakeGraceMs: 20 }
    const stop = new AbortController()
    const served = plugin.serve(createTcpTransport({ ...address, registration }), { stop: stop.signal })
    await daemon.registrations(1)
    expect(nodeOutput(await daemon.invoke(useDify())).text).toBe(`${ANSWER}, stored`)
    expect(daemon.router.problems).toEqual([])
    stop.abort()
    await served
  })

  it('over serverless HTTP, through the endpoint of the daemon', async () => {
    const url = await serveHttp(await startTransactionServer(createDify()))
    expect(nodeOutput(await invokeServerless(url, useDify())).text).toBe(`${ANSWER}, stored`)
  })

  it.each([
    ['no address of the daemon', undefined, 'Dify cannot be called: DIFY_PLUGIN_DAEMON_URL is not set'],
    ['an address without a daemon', 'http://127.0.0.1:1', 'Dify cannot be called: fetch failed'],
  ])('over serverless HTTP with %s: the tool gets an error', async (_, daemonUrl, message) => {
    const { error } = await invokeServerless(await serveHttp(daemonUrl), useDify())
    expect(error).toMatchObject({ error_type: 'BackwardsInvocationError', message })
  })
})
