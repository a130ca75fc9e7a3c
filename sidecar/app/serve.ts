// Serves the HTTP API until a signal arrives.
import type { ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createApp } from '../http/app.ts'
import { backendNames } from '../http/routes/health.ts'
import { createHttpServer } from '../http/server/create-server.ts'
import { createLog } from '../ports/log.ts'
import { VERSION } from '../ports/version.ts'
import { warmUp } from '../retrieval/strategies/warm-up.ts'
import { preloadThesaurus } from '../text/related/thesaurus.ts'
import { tokenCounter } from '../text/token-counter.ts'
import { readConfig } from './config.ts'
import { createServices } from './services.ts'
import { topologyOf } from './topology.ts'

/** Milliseconds that requests in progress get to finish after a signal. */
const SHUTDOWN_MS = 10_000

const { config, topology, log, services } = await open().catch(fail)
const app = createApp(services, config, log)

const server = createHttpServer(app.fetch)
server.listen(config.port, config.host, () => {
  announce((server.address() as AddressInfo).port)
  // After the ready line.
  setImmediate(() => void prepare().catch(() => {}))
})
server.on('error', (error: NodeJS.ErrnoException) => {
  const reason =
    error.code === 'EADDRINUSE'
      ? `${config.host}:${config.port} is in use by another program; set PORT to a free one`
      : error.message
  fail(new Error(`PORT: cannot listen: ${reason}`))
})

/** Loads and compiles what the first recall would load and compile: the token table (0.15 s), the thesaurus, the ranking. */
async function prepare(): Promise<void> {
  await tokenCounter()
  await preloadThesaurus()
  // The requests of a model that nodes run would wait for a node.
  if (!services.modelRequests) await warmUp(services.records, services.strategies)
}

let closing = false
// A client that never pauses would keep its connection, and thereby this process, open.
server.prependListener('request', (_incoming, outgoing: ServerResponse) => {
  if (closing) outgoing.shouldKeepAlive = false
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void close(signal))

async function close(signal: string): Promise<void> {
  if (closing) return
  closing = true
  log.info('closing', { signal })
  const timer = setTimeout(() => process.exit(1), SHUTDOWN_MS)
  timer.unref()
  const closed = new Promise((resolve) => void server.close(resolve))
  // Idle keep-alive connections would otherwise delay the close until their clients end them.
  const closeIdle = setInterval(() => {
    server.closeIdleConnections()
  }, 50)
  // Requests that wait for a flush are answered when the flush ends or is aborted.
  void services.buffer?.close()
  await closed
  clearInterval(closeIdle)
  await services[Symbol.asyncDispose]()
  process.exit(0)
}

function announce(port: number): void {
  // A wildcard address cannot be called.
  const name = ['0.0.0.0', '::'].includes(config.host) ? 'localhost' : config.host
  const url = `http://${name.includes(':') ? `[${name}]` : name}:${port}`
  const backends = Object.entries(backendNames(services)).map(([name, kind]) => `${name} ${kind}`)
  const key = config.apiKeys.length > 0 ? ` -H 'Authorization: Bearer YOUR_KEY'` : ''
  const body = `{"user_id":"ada","messages":[{"role":"user","content":"I moved to Kyoto and I am allergic to peanuts."}]}`
  console.log(`Hippocache ${VERSION} listens on ${url} (ready in ${Math.round(performance.now())} ms)`)
  console.log(`  backends  ${backends.join(', ')}`)
  if (topology.records.kind === 'sqlite') console.log(`  data      ${config.dataDir}`)
  for (const warning of config.warnings) console.log(`  note      ${warning}`)
  console.log(`Try it:\n  curl -s ${url}/v1/memories${key} -H 'Content-Type: application/json' -d '${body}'`)
}

async function open() {
  const config = readConfig()
  const topology = topologyOf(config)
  const log = createLog(config.logLevel, (line) => process.stderr.write(line))
  return { config, topology, log, services: await createServices(config, topology, log) }
}

function fail(error: unknown): never {
  console.error(error instanceof Error ? error.message : String(error))
  process.exit(1)
}
