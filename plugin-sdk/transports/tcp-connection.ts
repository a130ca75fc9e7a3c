import { connect, type Socket } from 'node:net'
import { RegistrationError, TransportClosedError } from '../errors.ts'
import { createLineReader } from '../line-reader.ts'
import { createLineWriter } from '../line-writer.ts'
import { encodeFrame } from '../protocol.ts'
import type { Timers } from '../timers.ts'
import { startHeartbeat } from './heartbeat.ts'
import { declarationLines, handshakeLine, type Registration } from './tcp-registration.ts'
import { type Channel, createSharedAbort, type Oversize } from './transport.ts'

export interface TcpConnectionOptions {
  host: string
  port: number
  /** The debug key of Dify's plugin page; lives 120 minutes. */
  key: string
  registration: Registration
  heartbeatMs?: number
  /** For the connection to stand. Default 10 s. */
  connectTimeoutMs?: number
  /** How long the daemon gets to refuse the key before the declarations follow. Default 250 ms. */
  handshakeGraceMs?: number
  maxFrameBytes?: number
  maxRequestBytes?: number
}

/** How long the daemon gets to close its side. */
const CLOSE_MS = 2_000

/** One registered connection to the daemon. */
export interface TcpConnection {
  channel: Channel
  /** Why it ended: the daemon's own words as a `RegistrationError`, or that it was dropped. Never rejects. */
  closed: Promise<Error>
  /** Writes out what was handed over and closes. */
  close(): Promise<void>
}

export interface TcpCallbacks {
  onLine(line: string, channel: Channel): void
  onOversize(oversize: Oversize, channel: Channel): void
}

/** Connects and registers. Rejects when the connection does not stand in time, or is lost while registering. */
export async function connectTcp(
  options: TcpConnectionOptions,
  timers: Timers,
  closing: AbortSignal,
  callbacks: TcpCallbacks,
): Promise<TcpConnection> {
  const socket = await openSocket(options, timers, closing)
  const abort = createSharedAbort()
  const { maxFrameBytes, maxRequestBytes } = options
  const frames = createLineWriter(socket, { maxBytes: Number.MAX_SAFE_INTEGER })
  const channel: Channel = {
    signal: abort.signal,
    send: async (frame) => frames.write(encodeFrame(frame, maxFrameBytes)),
  }
  let refusal: RegistrationError | undefined
  const reader = createLineReader({
    onLine(line) {
      // The daemon writes JSON objects; a sentence is its reason for closing the connection.
      if (line.trimStart().startsWith('{')) callbacks.onLine(line, channel)
      else refusal ??= new RegistrationError(`The daemon says: ${line.trim().slice(0, 1000)}`)
    },
    onOversize: (oversize) => callbacks.onOversize(oversize, channel),
    ...(maxRequestBytes === undefined ? {} : { maxBytes: maxRequestBytes }),
  })
  socket.on('data', (chunk) => reader.push(chunk))

  let lost: Error | undefined
  const closed = new Promise<Error>((resolve) => {
    socket.once('error', (error) => {
      lost = error
    })
    socket.once('close', () => {
      reader.end()
      const reason =
        refusal ?? new TransportClosedError(`The connection was lost${lost ? `: ${lost.message}` : ''}`)
      abort.abort(reason)
      resolve(reason)
    })
  })
  // The daemon has nothing to say after its end of the stream; answer with ours, so that 'close' follows.
  socket.once('end', () => socket.end())

  const stopHeartbeat = await register()
  if (closing.aborted) socket.destroy()
  return {
    channel,
    closed: closed.then((reason) => {
      stopHeartbeat()
      return reason
    }),
    async close() {
      stopHeartbeat()
      await frames.flush()
      socket.end()
      const cancel = timers.after(CLOSE_MS, () => socket.destroy())
      await closed
      cancel()
    },
  }

  async function register(): Promise<() => void> {
    const onClosing = () => socket.destroy()
    closing.addEventListener('abort', onClosing, { once: true })
    try {
      await frames.write(handshakeLine(options.key))
      await pause(options.handshakeGraceMs ?? 250)
      for (const line of declarationLines(options.registration)) await frames.write(line)
      return startHeartbeat(channel.send, timers, options.heartbeatMs)
    } catch {
      socket.destroy()
      throw await closed
    } finally {
      closing.removeEventListener('abort', onClosing)
    }
  }

  /** Writing into a connection the daemon has closed can cost us the line that says why. */
  async function pause(ms: number): Promise<void> {
    if (ms <= 0) return
    await new Promise<void>((resolve, reject) => {
      const cancel = timers.after(ms, resolve)
      closed.then((reason) => {
        cancel()
        reject(reason)
      }, reject)
    })
  }
}

function openSocket(options: TcpConnectionOptions, timers: Timers, closing: AbortSignal): Promise<Socket> {
  const { host, port, connectTimeoutMs = 10_000 } = options
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true, keepAlive: true })
    const fail = (error: Error) => {
      settle()
      socket.destroy()
      reject(
        new TransportClosedError(`Cannot connect to ${host}:${port}: ${error.message}`, { cause: error }),
      )
    }
    const cancel = timers.after(connectTimeoutMs, () =>
      fail(new Error(`no answer in ${connectTimeoutMs / 1000} s`)),
    )
    const onAbort = () => fail(new Error('the transport was closed'))
    function settle() {
      cancel()
      closing.removeEventListener('abort', onAbort)
      socket.off('error', fail)
      // Whoever fails first destroys the socket; errors after that have nobody left to tell.
      socket.on('error', () => {})
    }
    closing.addEventListener('abort', onAbort, { once: true })
    socket.once('error', fail)
    socket.once('connect', () => {
      settle()
      resolve(socket)
    })
    if (closing.aborted) onAbort()
  })
}
