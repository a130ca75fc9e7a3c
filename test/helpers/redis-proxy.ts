import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { readCommand } from './resp-server.ts'

/** `pass`: forwards everything. `cut`: resets the connection within each answer. `error`: answers each command with it. */
export type Mode = 'pass' | 'cut' | { error: string }

export interface RedisProxy {
  url: string
  /** Changes the mode and resets all connections, as a restarting server does. */
  become: (mode: Mode) => void
}

/** Starts a proxy in front of a real Redis that injects faults. */
export async function startRedisProxy(port: number): Promise<RedisProxy> {
  let mode: Mode = 'pass'
  const sockets = new Set<Socket>()
  const cutAll = () => {
    for (const socket of sockets) socket.resetAndDestroy()
  }
  const server = createServer((client) => {
    const real = connect(port, '127.0.0.1')
    for (const socket of [client, real]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        real.destroy()
      })
    }
    let unread = ''
    client.on('data', (bytes) => {
      if (typeof mode === 'string') return void real.write(bytes)
      unread += bytes.toString('latin1')
      for (let read = readCommand(unread); read; read = readCommand(unread)) {
        unread = unread.slice(read.length)
        client.write(`-${mode.error}\r\n`)
      }
    })
    real.on('data', (bytes) => {
      if (mode === 'cut') client.write(bytes.subarray(0, Math.ceil(bytes.length / 2)), cutAll)
      else client.write(bytes)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    cutAll()
    server.close()
  })
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    become(next) {
      mode = next
      cutAll()
    },
  }
}
