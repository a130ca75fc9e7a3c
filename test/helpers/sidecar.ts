import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { readConfig } from '../../sidecar/app/config.ts'
import { createServices } from '../../sidecar/app/services.ts'
import { topologyOf } from '../../sidecar/app/topology.ts'
import { createApp } from '../../sidecar/http/app.ts'
import { createHttpServer } from '../../sidecar/http/server/create-server.ts'
import { createLog } from '../../sidecar/ports/log.ts'
import { type Answered, jsonCall } from './json-call.ts'
import { NO_DEADLINES } from './no-deadlines.ts'

export interface LocalSidecar {
  url: string
  /** Sends JSON; returns the parsed answer. */
  call: (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answered>
  /** Lines of the log so far. */
  err: () => string
  /** Stops it as SIGTERM does. */
  close: () => Promise<void>
}

/**
 * Runs a sidecar on these settings in the process of the test, which takes a hundredth of the time that a process of its
 * own needs to start. It is closed when the test ends. Tests of signals, exits and crashes use `sidecar-process.ts`.
 * @throws {Error} if the settings or the stores are refused
 */
export async function openSidecar(env: Record<string, string>): Promise<LocalSidecar> {
  const config = readConfig({ LOG_LEVEL: 'error', ...NO_DEADLINES, ...env })
  let logged = ''
  const log = createLog(config.logLevel, (line) => {
    logged += line
  })
  const services = await createServices(config, topologyOf(config), log)
  const server = createHttpServer(createApp(services, config, log).fetch).listen(0, '127.0.0.1')
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= (async () => {
      const closed = once(server, 'close')
      server.close()
      void services.buffer?.close()
      server.closeAllConnections()
      await closed
      await services[Symbol.asyncDispose]()
    })()
    return closing
  }
  onTestFinished(close)
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, call: jsonCall(url), err: () => logged, close }
}
