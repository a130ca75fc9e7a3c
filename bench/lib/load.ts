import { connect, type Socket } from 'node:net'

export interface Load {
  /** Milliseconds of each request, in the order of the answers. */
  tookMs: number[]
  /** Requests answered in a second, all connections together. */
  perSecond: number
}

/** A POST with JSON where there is a body, else a GET. */
export interface Request {
  path: string
  body?: string
}

/**
 * Asks requests over connections that are kept, each with one request under way. Knows just enough of HTTP/1.1
 * (`Content-Length`, status 200) to cost much less than the server that is measured.
 *
 * @param all asked in turn
 */
export async function load(
  baseUrl: string,
  all: readonly Request[],
  { requests, connections }: { requests: number; connections: number },
): Promise<Load> {
  const { host, hostname, port } = new URL(baseUrl)
  const messages = all.map(({ path, body }) =>
    body === undefined
      ? `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`
      : `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
  const tookMs: number[] = []
  let asked = 0
  const next = () => messages[asked++ % messages.length] as string
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(hostname, Number(port))))
  const started = performance.now()
  await Promise.all(
    sockets.map(async (socket) => {
      const ask = asker(socket)
      while (asked < requests) {
        const before = performance.now()
        await ask(next())
        tookMs.push(performance.now() - before)
      }
      socket.destroy()
    }),
  )
  return { tookMs, perSecond: (tookMs.length / (performance.now() - started)) * 1000 }
}

async function open(host: string, port: number): Promise<Socket> {
  return await new Promise((resolve, reject) => {
    const socket = connect(port, host, () => resolve(socket)).setNoDelay(true)
    socket.once('error', reject)
  })
}

function asker(socket: Socket): (message: string) => Promise<void> {
  let settle: { resolve: () => void; reject: (error: Error) => void } | undefined
  let received = Buffer.alloc(0)
  socket.on('error', (error) => settle?.reject(error))
  socket.on('close', () => settle?.reject(new Error('the server closed the connection')))
  socket.on('data', (chunk) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
    const end = received.indexOf('\r\n\r\n')
    if (end < 0) return
    const head = received.toString('latin1', 0, end)
    const size = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1])
    if (!head.startsWith('HTTP/1.1 200 ') || !Number.isInteger(size)) {
      settle?.reject(new Error(`expected status 200 and a Content-Length, got: ${head}`))
    } else if (received.length >= end + 4 + size) {
      received = Buffer.alloc(0)
      settle?.resolve()
    }
  })
  return (message) =>
    new Promise((resolve, reject) => {
      settle = { resolve, reject }
      socket.write(message)
    })
}
