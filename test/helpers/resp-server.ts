import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/**
 * The reply to a command: bytes; bytes after `after` resolves; or bytes followed by a connection reset (`cut`). As in
 * Redis, later commands on the connection wait.
 */
export type Reply = string | { after: Promise<void>; reply: string } | { cut: string }

/** Never replies. */
export const HANG: Reply = { after: new Promise<void>(() => {}), reply: '' }

export interface RespServer {
  url: string
  /** All received commands, with upper-case names. */
  commands: string[][]
  /** Replies to all commands except those of the connection setup. */
  script: (command: string[]) => Reply
  /** Number of accepted connections. */
  connections: () => number
  /** Replaces the default replies to the connection setup (CLIENT, INFO, AUTH, SELECT). */
  greeting: ((command: string[]) => Reply) | undefined
}

/** Starts a server that speaks RESP2 and replies by script, to produce failures that a real Redis does not. */
export async function startResp(): Promise<RespServer> {
  const sockets = new Set<Socket>()
  let accepted = 0
  const server = createServer((socket) => {
    accepted += 1
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => {})
    let unread = ''
    let turn = Promise.resolve()
    socket.setEncoding('latin1').on('data', (text: string) => {
      unread += text
      for (let read = readCommand(unread); read; read = readCommand(unread)) {
        unread = unread.slice(read.length)
        const { command } = read
        turn = turn.then(() => answer(socket, command))
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })

  const self: RespServer = {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    commands: [],
    script: () => '+OK\r\n',
    greeting: undefined,
    connections: () => accepted,
  }

  async function answer(socket: Socket, command: string[]): Promise<void> {
    self.commands.push(command)
    const reply = ['CLIENT', 'INFO', 'AUTH', 'SELECT'].includes(command[0] as string)
      ? (self.greeting ?? greet)(command)
      : self.script(command)
    if (typeof reply === 'string') socket.write(reply)
    else if ('cut' in reply) socket.write(reply.cut, () => socket.resetAndDestroy())
    else {
      await reply.after
      socket.write(reply.reply)
    }
  }
  return self
}

export function bulk(text: string): string {
  return `$${Buffer.byteLength(text)}\r\n${text}\r\n`
}

function greet([name]: string[]): string {
  return name === 'INFO' ? bulk('redis_version:7.0.0\r\nloading:0\r\nrole:master\r\n') : '+OK\r\n'
}

/** Parses the first complete command (an array of bulk strings) of the received text. */
export function readCommand(text: string): { command: string[]; length: number } | undefined {
  const head = /^\*(\d+)\r\n/.exec(text)
  if (!head) return undefined
  let at = head[0].length
  const command: string[] = []
  for (let i = 0; i < Number(head[1]); i++) {
    const size = /^\$(\d+)\r\n/.exec(text.slice(at))
    if (!size) return undefined
    const start = at + size[0].length
    at = start + Number(size[1]) + 2
    if (text.length < at) return undefined
    command.push(text.slice(start, at - 2))
  }
  command[0] = (command[0] as string).toUpperCase()
  return { command, length: at }
}
