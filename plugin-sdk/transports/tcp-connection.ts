import { connect, type Socket } from 'node:net'
import { RegistrationError, TransportClosedError } from '../errors.ts'
import { createLineReader } from '../line-reader.ts'
import { createLineWriter } from '../line-writer.ts'
import { encodeFrame } from '../protocol.ts'
import type { Timers } from '../timers.ts'
import { type Channel, createSharedAbort, type Oversize, startHeartbeat } from './transport.ts'

export interface TcpConnectionOptions {
  host: string
  port: number
  /** The debug key of Dify's plugin page; valid for 120 minutes. */
  key: string
  registration: Registration
  heartbeatMs?: number
  /** Default 10 s. */
  connectTimeoutMs?: number
  /** Wait for a rejection of the key before sending the declarations. Default 250 ms. */
  handshakeGraceMs?: number
  maxFrameBytes?: number
  maxRequestBytes?: number
}

/** Limit for the daemon to close its side. */
const CLOSE_MS = 2_000

/** One registered connection to the daemon. */
export interface TcpConnection {
  channel: Channel
  /** Resolves with the reason: the daemon's message as a `RegistrationError`, or a lost connection. Never rejects. */
  closed: Promise<Error>
  /** Flushes sent frames and closes. */
  close(): Promise<void>
}

export interface TcpCallbacks {
  onLine(line: string, channel: Channel): void
  onOversize(oversize: Oversize, channel: Channel): void
}

/** Connects and registers. Rejects on a timeout, or if the connection is lost while registering. */
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
      // Requests are JSON objects; plain text is the daemon's reason for closing the connection.
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
  // End our side too, so that 'close' follows.
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

  /** Writing to a connection that the daemon has closed can discard the line with its reason. */
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
      // Later errors of the destroyed socket are ignored.
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

/** The declarations that the daemon needs before it sends requests. */
interface Registration {
  manifest: object
  /** The providers including their tools; the daemon uses the first. */
  tools: object[]
  /** `filename` is the path below `_assets/`. */
  assets: readonly { filename: string; content: Uint8Array }[]
}

/** Raw bytes of an asset per line, as in Dify's own SDK. */
const ASSET_CHUNK_BYTES = 8192

/** The first line; the daemon closes the connection without it after 10 s. */
const handshakeLine = (key: string): string => encode('handshake', { key })

/**
 * The lines after the handshake. The manifest comes first, because it resets the registration. Empty files are skipped,
 * because the daemon rejects empty chunks.
 */
function* declarationLines(registration: Registration): Generator<string> {
  yield encode('manifest_declaration', registration.manifest)
  yield encode('tool_declaration', registration.tools)
  for (const { filename, content } of registration.assets) {
    for (let start = 0; start < content.length; start += ASSET_CHUNK_BYTES) {
      const piece = content.subarray(start, start + ASSET_CHUNK_BYTES)
      yield encode('asset_chunk', {
        filename,
        data: Buffer.from(piece.buffer, piece.byteOffset, piece.length).toString('base64'),
        end: start + ASSET_CHUNK_BYTES >= content.length,
      })
    }
  }
  yield encode('end', {})
}

function encode(type: string, data: object): string {
  return JSON.stringify({ type, data })
}
