import type { ServerResponse } from 'node:http'
import { serve } from '@hono/node-server'
import { createApp } from './app.ts'
import type { Services } from './compose.ts'
import { type Config, ConfigError, readConfig } from './config.ts'
import { createLog } from './log.ts'
import { tokenCounter } from './recall/tokens.ts'
import { backendNames } from './routes/health.ts'
import { createServices } from './services.ts'
import { loadThesaurus } from './text/thesaurus.ts'
import { VERSION } from './version.ts'

/** How long requests under way may take to end after a signal, milliseconds. */
const SHUTDOWN_MS = 10_000

/**
 * Threads of Node's pool, unless UV_THREADPOOL_SIZE says otherwise; it is read when the first of them is needed. Two
 * syncs of the log of turns, two of the records' and one of their database may wait for the disk at once, and with the
 * usual four the one that a caller waits for would stand behind one that takes longer.
 */
const POOL_THREADS = 8
process.env['UV_THREADPOOL_SIZE'] ??= String(POOL_THREADS)

const config = readOrExit()
const log = createLog(config.logLevel, (line) => process.stderr.write(line))
const services = await openOrExit(config)
const app = createApp(services, config, log)

const server = serve({ fetch: app.fetch, hostname: config.host, port: config.port }, ({ port }) => {
  announce(port)
  // Ready first; the tables are there before the first recall needs them.
  setImmediate(() => {
    loadThesaurus()
    void tokenCounter()
    if (config.languageModel) void warmFetch(port)
  })
})
server.on('error', (error: NodeJS.ErrnoException) => {
  const reason =
    error.code === 'EADDRINUSE'
      ? `${config.host}:${config.port} is in use by another program; set PORT to a free one`
      : error.message
  fail(`PORT: cannot listen: ${reason}`)
})

let closing = false
// A client that never pauses would keep its connection, and with it this process, alive.
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
  // Connections that are kept open for a next request would hold the close back until their clients let go.
  const letGo = setInterval(() => {
    if ('closeIdleConnections' in server) server.closeIdleConnections()
  }, 50)
  // Who waits for a flush is answered when it has ended, or was given up.
  void services.buffer?.close()
  await closed
  clearInterval(letGo)
  await services[Symbol.asyncDispose]()
  process.exit(0)
}

/** The first call of `fetch` loads what it is made of, for some 50 ms: not while turns wait for the model's first answer. */
async function warmFetch(port: number): Promise<void> {
  try {
    await (await fetch(`${addressOf(port)}/healthz`, { signal: AbortSignal.timeout(5000) })).text()
  } catch {
    // Then the model's first call does it.
  }
}

function addressOf(port: number): string {
  // Nobody can call the address that means "all of them".
  const name = ['0.0.0.0', '::'].includes(config.host) ? 'localhost' : config.host
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`
}

function announce(port: number): void {
  const url = addressOf(port)
  const backends = Object.entries(backendNames(services)).map(([name, kind]) => `${name} ${kind}`)
  const key = config.apiKeys.length > 0 ? ` -H 'Authorization: Bearer YOUR_KEY'` : ''
  const body = `{"user_id":"ada","messages":[{"role":"user","content":"I moved to Kyoto and I am allergic to peanuts."}]}`
  console.log(`Hippocache ${VERSION} listens on ${url} (ready in ${Math.round(performance.now())} ms)`)
  console.log(`  backends  ${backends.join(', ')}`)
  if (!config.qdrant) console.log(`  data      ${config.dataDir}`)
  for (const warning of config.warnings) console.log(`  note      ${warning}`)
  console.log(`Try it:\n  curl -s ${url}/v1/memories${key} -H 'Content-Type: application/json' -d '${body}'`)
}

function readOrExit(): Config {
  try {
    return readConfig(process.env)
  } catch (error) {
    if (error instanceof ConfigError) fail(error.message)
    throw error
  }
}

async function openOrExit(config: Config): Promise<Services> {
  try {
    return await createServices(config, log)
  } catch (error) {
    fail(error instanceof Error ? error.message : String(error))
  }
}

function fail(message: string): never {
  console.error(message)
  process.exit(1)
}
