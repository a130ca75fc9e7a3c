import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One received call. `body` is the parsed JSON, or undefined without a body. */
export interface Received {
  method: string
  path: string
  query: Record<string, string>
  headers: IncomingHttpHeaders
  body: unknown
  /** The body as it was received. */
  text: string
}

export type Script = (call: Received, response: ServerResponse, request: IncomingMessage) => void

export interface StubSidecar extends AsyncDisposable {
  url: string
  calls: Received[]
  /** Set by each test. */
  script: Script
  /** Resolves with the next complete call. */
  nextCall(): Promise<Received>
}

/** An HTTP server in place of the sidecar; `script` answers its calls. */
export async function startStub(script: Script = json(200, {})): Promise<StubSidecar> {
  const calls: Received[] = []
  const waiting: ((call: Received) => void)[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://stub')
      const text = Buffer.concat(chunks).toString()
      const call: Received = {
        method: request.method ?? '',
        path: url.pathname,
        query: Object.fromEntries(url.searchParams),
        headers: request.headers,
        text,
        body: text === '' ? undefined : JSON.parse(text),
      }
      calls.push(call)
      for (const resolve of waiting.splice(0)) resolve(call)
      stub.script(call, response, request)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const stub: StubSidecar = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    script,
    nextCall: () => new Promise((resolve) => waiting.push(resolve)),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return stub
}

export const json =
  (status: number, body: unknown): Script =>
  (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }

export const raw =
  (status: number, type: string, body: string, headers: Record<string, string> = {}): Script =>
  (_, response) => {
    response.writeHead(status, { 'content-type': type, ...headers }).end(body)
  }

/** The sidecar's error envelope. */
export const refusal = (status: number, code: string, message: string): Script =>
  json(status, { error: { code, message, request_id: 'r-1' } })

/** Accepts the call and never answers. */
export const silence: Script = () => {}

/** Closes the connection without an answer. */
export const hangUp: Script = (_, __, request) => {
  request.socket.destroy()
}

/** A URL whose port refuses connections. */
export async function deadUrl(): Promise<string> {
  const stub = await startStub()
  await stub[Symbol.asyncDispose]()
  return stub.url
}
