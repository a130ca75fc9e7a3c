/* Import this module first: it makes the process refuse connections to any host but this machine. */
import { Socket } from 'node:net'

const LOCAL = new Set(['127.0.0.1', '::1', 'localhost'])

/** Remote hosts to which a connection was refused. */
export const refused: string[] = []

const connect = Socket.prototype.connect as (this: Socket, ...args: unknown[]) => Socket

Socket.prototype.connect = function (this: Socket, ...args: unknown[]): Socket {
  const host = hostOf(args)
  if (host === undefined || LOCAL.has(host)) return connect.apply(this, args)
  refused.push(host)
  throw new Error(`refused to connect to ${host}: this process may only reach this machine`)
}

/** Handles `connect(options)`, `connect(port, host)`, `connect(path)` and the array that Node normalizes them to. */
function hostOf([first, second]: unknown[]): string | undefined {
  const options: unknown = Array.isArray(first) ? first[0] : first
  if (typeof options === 'object' && options !== null) return (options as { host?: string }).host
  return typeof second === 'string' ? second : undefined
}
