import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { TransportClosedError } from '../errors.ts'
import { createLineWriter } from '../line-writer.ts'
import { encodeFrame, isEnd, isInvocation } from '../protocol.ts'
import { postInvocation } from './serverless-invocation.ts'
import { type Channel, createSharedAbort, type Transport } from './transport.ts'

/** `MAX_SERVERLESS_REQUEST_BYTES` of the daemon. */
export const MAX_BODY_BYTES = 5_242_880

export interface ServerlessOptions {
  /** Default 0.0.0.0. */
  host?: string
  /** Default 8080; 0 uses a free port. */
  port?: number
  /** The address of the daemon, for calls to Dify. */
  daemonUrl?: string | undefined
  maxBodyBytes?: number
  maxFrameBytes?: number
}

export interface ServerlessTransport extends Transport {
  /** The port it listens on, once started. */
  readonly port: number
}

/**
 * The serverless runtime: an HTTP server with one session per request. The answer is newline-delimited JSON frames,
 * although the daemon's Accept header asks for server-sent events.
 */
export function createServerlessTransport(options: ServerlessOptions = {}): ServerlessTransport {
  const maxBodyBytes = options.maxBodyBytes ?? MAX_BODY_BYTES
  const answering = new Set<ServerResponse>()
  const server = createServer((request, response) => {
    answering.add(response)
    response.once('close', () => answering.delete(response))
    answer(request, response).catch((error: unknown) => {
      transport.onNotice?.(`A request failed: ${error instanceof Error ? error.message : 'unknown error'}`)
      response.destroy()
    })
  })
  // Deadlines for the request only; the session timeout limits the answer.
  server.requestTimeout = 30_000
  server.headersTimeout = 10_000

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', 'http://plugin')
    if (request.method === 'GET' && pathname === '/health') {
      response.writeHead(200, { 'content-type': 'text/plain' }).end('OK')
    } else if (request.method === 'POST' && pathname === '/invoke') {
      await invoke(request, response)
    } else {
      respond(response, 404, `path: expected POST /invoke or GET /health, got ${request.method} ${pathname}`)
    }
  }

  async function invoke(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request, maxBodyBytes)
    if (body === null) return respond(response, 413, `body: expected at most ${maxBodyBytes} bytes, got more`)
    const line = readEnvelope(body, request)
    if ('problem' in line) return respond(response, 400, line.problem)

    const abort = createSharedAbort()
    const writer = createLineWriter(response, { maxBytes: Number.MAX_SAFE_INTEGER })
    response.on('close', () => abort.abort(new TransportClosedError('The caller closed the connection')))
    response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' })
    const channel: Channel = {
      signal: abort.signal,
      async send(frame) {
        if (isInvocation(frame)) {
          void postInvocation(options.daemonUrl, frame, abort.signal, (answer) =>
            transport.onLine?.(answer, channel),
          )
          return
        }
        await writer.write(encodeFrame(frame, options.maxFrameBytes))
        if (isEnd(frame)) response.end()
      },
    }
    transport.onLine?.(line.text, channel)
  }

  const transport: ServerlessTransport = {
    get port() {
      return (server.address() as AddressInfo | null)?.port ?? 0
    },
    async start() {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(options.port ?? 8080, options.host ?? '0.0.0.0', () => {
          server.off('error', reject)
          server.on('error', (error) => transport.onNotice?.(error.message))
          resolve()
        })
      })
      transport.onNotice?.(`Listening on port ${transport.port}`)
    },
    /** Outside a session there is no connection. */
    async send() {},
    async close() {
      const stopped = new Promise<void>((resolve) => server.close(() => resolve()))
      await Promise.all(
        [...answering].map((response) => new Promise((resolve) => response.once('close', resolve))),
      )
      // Idle kept-alive connections would delay the close by seconds.
      server.closeAllConnections()
      await stopped
    },
  }
  return transport
}

/** The envelope as one line. The session id is in the header, in the envelope, or in both. */
function readEnvelope(body: string, request: IncomingMessage): { text: string } | { problem: string } {
  const header = request.headers['dify-plugin-session-id']
  let envelope: unknown
  try {
    envelope = JSON.parse(body)
  } catch {
    return { problem: 'The body is not JSON' }
  }
  if (typeof envelope !== 'object' || envelope === null || Array.isArray(envelope)) {
    return { problem: 'The body is not a JSON object' }
  }
  const own = 'session_id' in envelope ? (envelope.session_id ?? undefined) : undefined
  if (typeof header === 'string' && own !== undefined && own !== header) {
    return { problem: 'Header Dify-Plugin-Session-ID and session_id of the body differ' }
  }
  const session_id = own ?? header
  if (typeof session_id !== 'string' || session_id === '') {
    return {
      problem: 'session: expected header Dify-Plugin-Session-ID or session_id in the body, got nothing',
    }
  }
  const action = new URL(request.url ?? '/', 'http://plugin').searchParams.get('action')
  const asked = 'data' in envelope ? (envelope.data as { action?: unknown } | null)?.action : undefined
  if (action !== null && typeof asked === 'string' && asked !== action) {
    return { problem: `Query action ${JSON.stringify(action)} and the body's action differ` }
  }
  return { text: JSON.stringify({ ...envelope, session_id }) }
}

/**
 * The body, or null if it exceeds the limit. The rest is read and discarded, because the caller reads the answer only
 * after sending; `requestTimeout` limits the duration.
 */
function readBody(request: IncomingMessage, maxBytes: number): Promise<string | null> {
  return new Promise((resolve, reject) => {
    let parts: Buffer[] = []
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= maxBytes) parts.push(chunk)
      else parts = []
    })
    request.once('end', () => resolve(bytes > maxBytes ? null : Buffer.concat(parts).toString('utf8')))
    request.once('error', reject)
    request.once('close', () =>
      reject(new TransportClosedError('The caller closed the connection while sending')),
    )
  })
}

function respond(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' })
  response.end(JSON.stringify({ error: message }))
}
