import { connect } from 'node:net'

/** A POST with a JSON body if `body` is set, else a GET. */
export interface Request {
  path: string
  body?: string
}

/** A keep-alive connection with one request in flight. */
export interface Connection {
  /** Resolves to the status after the complete answer arrived. */
  send(message: string): Promise<number>
  /** Servers close connections that are idle for some seconds. */
  readonly isOpen: boolean
  close(): void
}

/** Returns the request as HTTP/1.1 text. */
export function serializeRequest(baseUrl: string, { path, body }: Request): string {
  const { host } = new URL(baseUrl)
  if (body === undefined) return `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`
  const length = Buffer.byteLength(body)
  return `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n${body}`
}

/**
 * Opens a connection that supports only what the benchmarks need of HTTP/1.1 (`Content-Length`), so that the client
 * costs much less CPU time than the server that is measured.
 */
export async function openConnection(baseUrl: string): Promise<Connection> {
  const { hostname, port } = new URL(baseUrl)
  let settle: { resolve: (status: number) => void; reject: (error: Error) => void } | undefined
  let received = Buffer.alloc(0)
  const socket = connect(Number(port), hostname).setNoDelay(true)
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  socket.on('error', (error) => settle?.reject(error))
  socket.on('close', () => settle?.reject(new Error('the server closed the connection')))
  socket.on('data', (chunk) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
    const end = received.indexOf('\r\n\r\n')
    if (end < 0) return
    const head = received.toString('latin1', 0, end)
    const size = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1])
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1])
    if (!status || !Number.isInteger(size)) {
      settle?.reject(new Error(`expected a status and a Content-Length, got: ${head}`))
    } else if (received.length >= end + 4 + size) {
      received = Buffer.alloc(0)
      settle?.resolve(status)
    }
  })
  return {
    send: (message) =>
      new Promise((resolve, reject) => {
        settle = { resolve, reject }
        socket.write(message)
      }),
    get isOpen() {
      return !socket.destroyed
    },
    close: () => void socket.destroy(),
  }
}
