import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, it, onTestFinished } from 'vitest'
import { oneAtATime } from '../../../sidecar/http/server/one-at-a-time.ts'

/** A server that collects the requests that run, to be answered by the test. */
async function collectingServer() {
  const running: { url: string; outgoing: ServerResponse }[] = []
  let arrived = Promise.withResolvers<void>()
  const listener = oneAtATime(({ url = '' }, outgoing) => {
    running.push({ url, outgoing })
    arrived.resolve()
    arrived = Promise.withResolvers()
  })
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  onTestFinished(() => {
    socket.destroy()
    server.close()
  })
  return { running, socket, arrival: () => arrived.promise }
}

const get = (path: string, header = '') => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${header}\r\n`

it('runs a pipelined request when the answer before it is written', async () => {
  const { running, socket, arrival } = await collectingServer()
  let arrived = arrival()
  socket.write(get('/1') + get('/2') + get('/3', 'Connection: close\r\n'))
  for (const url of ['/1', '/2', '/3']) {
    await arrived
    expect(running.map((one) => one.url)).toEqual([url])
    arrived = arrival()
    running.pop()?.outgoing.end(`answer to ${url}`)
  }
  const answers = await text(socket)
  expect(answers.match(/answer to \/\d/g)).toEqual(['answer to /1', 'answer to /2', 'answer to /3'])
})

it('runs no waiting request of a connection that is closed', async () => {
  const { running, socket, arrival } = await collectingServer()
  const arrived = arrival()
  socket.write(get('/1') + get('/2').repeat(10))
  await arrived
  const outgoing = running[0]?.outgoing as ServerResponse
  const closed = once(outgoing, 'close')
  outgoing.socket?.destroy()
  await closed
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
  expect(running.map(({ url }) => url)).toEqual(['/1'])
})

it('answers every request of a client that has closed its sending side', async () => {
  const { running, socket, arrival } = await collectingServer()
  let arrived = arrival()
  socket.end(get('/1') + get('/2'))
  for (const url of ['/1', '/2']) {
    await arrived
    expect(running.map((one) => one.url)).toEqual([url])
    arrived = arrival()
    running.pop()?.outgoing.end(`answer to ${url}`)
  }
  expect((await text(socket)).match(/answer to \/\d/g)).toEqual(['answer to /1', 'answer to /2'])
})
