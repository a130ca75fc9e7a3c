import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

interface Connection {
  waiting: [IncomingMessage, ServerResponse][]
  isBusy: boolean
}

/**
 * Runs the requests of a connection one at a time, and stops reading while one is queued. Node parses every
 * pipelined request of a chunk immediately, so one write of 36 kB would otherwise start 900 requests together.
 */
export function oneAtATime(listener: RequestListener): RequestListener {
  const connections = new WeakMap<Socket, Connection>()

  function connectionOf(socket: Socket): Connection {
    const known = connections.get(socket)
    if (known) return known
    const connection: Connection = { waiting: [], isBusy: false }
    connections.set(socket, connection)
    // Reading the body of a request resumes its socket.
    socket.on('resume', () => {
      if (connection.waiting.length > 0) socket.pause()
    })
    socket.on('close', () => {
      connection.waiting.length = 0
    })
    return connection
  }

  function runNext(socket: Socket, connection: Connection): void {
    const next = connection.waiting.shift()
    if (!next) return
    const [incoming, outgoing] = next
    connection.isBusy = true
    outgoing.once('close', () => {
      // Deferred, so that a connection with many requests does not block the others.
      setImmediate(() => {
        connection.isBusy = false
        runNext(socket, connection)
      })
    })
    if (connection.waiting.length === 0) socket.resume()
    listener(incoming, outgoing)
  }

  return (incoming, outgoing) => {
    const { socket } = incoming
    const connection = connectionOf(socket)
    connection.waiting.push([incoming, outgoing])
    if (connection.isBusy) socket.pause()
    else runNext(socket, connection)
  }
}
