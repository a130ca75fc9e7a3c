import { type AddressInfo, createServer, type Socket } from 'node:net'
import { systemTimers, type Timers } from '../../../../plugin-sdk/timers.ts'
import type { Request } from '../../../helpers/plugin-sdk/fake-daemon/requests.ts'
import {
  createSessionRouter,
  type SessionResult,
  type SessionRouter,
} from '../../../helpers/plugin-sdk/fake-daemon/session-router.ts'
import { createRegistration, type Registered } from './registration.ts'

export interface TcpDaemon extends AsyncDisposable {
  port: number
  router: SessionRouter
  /** Every completed registration, in order. */
  registered: Registered[]
  /** Resolves once `count` registrations were completed. */
  registrations(count: number): Promise<void>
  invoke(request: Request): Promise<SessionResult>
  write(bytes: string | Uint8Array): void
  /** Resets every connection, like a crash. */
  drop(): void
  /** Connections opened so far. */
  readonly connections: number
}

export interface TcpDaemonOptions {
  key: string
  timers?: Timers
  /** Limit for the handshake. */
  handshakeMs?: number
  /** Rejects every connection with this line. */
  rejection?: string
  port?: number
}

/** The daemon's remote debugging port: registration with plain-text rejections, then the session protocol. */
export async function startTcpDaemon(options: TcpDaemonOptions): Promise<TcpDaemon> {
  const timers = options.timers ?? systemTimers
  const router = createSessionRouter()
  const registered: Registered[] = []
  const sockets = new Set<Socket>()
  const waiting = new Set<() => void>()
  let live: Socket | null = null
  let connections = 0

  const server = createServer((socket) => {
    connections += 1
    sockets.add(socket)
    const registration = createRegistration(options.key)
    let done = false
    const reject = (message: string) => socket.end(`${message}\n`)
    if (options.rejection !== undefined) reject(options.rejection)
    const cancel = timers.after(options.handshakeMs ?? 10_000, () => socket.destroy())
    let rest = Buffer.alloc(0)
    socket.on('error', () => {})
    socket.on('close', () => {
      cancel()
      sockets.delete(socket)
      if (live === socket) live = null
    })
    socket.on('data', (chunk) => {
      rest = Buffer.concat([rest, chunk])
      for (let newline = rest.indexOf(0x0a); newline !== -1; newline = rest.indexOf(0x0a)) {
        const line = rest.subarray(0, newline).toString('utf8')
        rest = rest.subarray(newline + 1)
        if (line.trim() === '' || socket.writableEnded) continue
        if (done) {
          router.take(line)
          continue
        }
        const step = registration.take(line)
        if (registration.hasHandshake) cancel()
        if ('rejection' in step) reject(step.rejection)
        else if (step.registered) {
          done = true
          live = socket
          registered.push(step.registered)
          for (const wake of waiting) wake()
        }
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve))

  function write(bytes: string | Uint8Array) {
    if (!live) throw new Error('no available node, plugin runtime not found')
    live.write(bytes)
  }

  return {
    port: (server.address() as AddressInfo).port,
    router,
    registered,
    get connections() {
      return connections
    },
    registrations(count) {
      return new Promise((resolve) => {
        const wake = () => {
          if (registered.length < count) return
          waiting.delete(wake)
          resolve()
        }
        waiting.add(wake)
        wake()
      })
    },
    invoke(request) {
      const data = request['data'] as { action?: string } | undefined
      const result = router.open(request.session_id, { tool: data?.action === 'invoke_tool' })
      write(`${JSON.stringify(request)}\n`)
      return result
    },
    write,
    drop() {
      for (const socket of sockets) socket.resetAndDestroy()
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
