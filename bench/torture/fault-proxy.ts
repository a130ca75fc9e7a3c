import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** `slow`: each answer is late. `down`: connections are reset. `half`: connections are reset within each answer. */
export type Fault = 'none' | 'slow' | 'down' | 'half'

export interface FaultProxy extends Disposable {
  /** The target's URL with the port of the proxy. */
  url: string
  become(fault: Fault): void
}

/** Delay of an answer, milliseconds: longer than the deadlines of a recall. */
const SLOW_MS = 2500

/** A TCP proxy in front of a backend that injects faults. */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  let fault: Fault = 'none'
  const server = createServer((client) => {
    if (fault === 'down') return void client.resetAndDestroy()
    const real = connect(Number(port), hostname)
    for (const socket of [client, real]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        real.destroy()
      })
    }
    client.on('data', (bytes) => void real.write(bytes))
    real.on('data', (bytes) => {
      if (fault === 'half') {
        client.write(bytes.subarray(0, bytes.length / 2), () => client.resetAndDestroy())
      } else if (fault === 'slow') {
        setTimeout(() => client.write(bytes), SLOW_MS)
      } else client.write(bytes)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(target)
  url.hostname = '127.0.0.1'
  url.port = String((server.address() as AddressInfo).port)
  const cutAll = () => {
    for (const socket of sockets) socket.resetAndDestroy()
  }
  return {
    url: url.href.replace(/\/$/, ''),
    become(next) {
      fault = next
      cutAll()
    },
    [Symbol.dispose]() {
      cutAll()
      server.close()
    },
  }
}
