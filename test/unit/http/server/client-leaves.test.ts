import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { SqliteClient } from '../../../../sidecar/adapters/sqlite/client.ts'
import type { RecordStore, Write } from '../../../../sidecar/ports/records.ts'
import { readAll } from '../../../helpers/records.ts'
import { testApp } from '../../../helpers/test-app.ts'

const CLIENTS = 40
const WAIT = { timeout: 60_000 }

/** Counts the reads of memories that are started, and lets them go on when the test opens the gate. */
function createGate() {
  const { promise: isOpen, resolve: open } = Promise.withResolvers<void>()
  const gate = {
    open,
    started: 0,
    wrap(records: RecordStore): RecordStore {
      const wait = async () => {
        gate.started += 1
        await isOpen
      }
      return {
        ...records,
        async scroll(collection, ...rest) {
          if (collection === 'memories') await wait()
          return await records.scroll(collection, ...rest)
        },
        async search(...args) {
          await wait()
          return await records.search(...args)
        },
      }
    },
  }
  return gate
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`
const post = (path: string, body: object) => {
  const text = JSON.stringify({ user_id: 'ada', ...body })
  const headers = `Host: localhost\r\nContent-Type: application/json\r\nContent-Length: ${text.length}`
  return `POST ${path} HTTP/1.1\r\n${headers}\r\n\r\n${text}`
}
const block = { conversation_id: 'c', turn: 9, window_size: 4, strategy: 'cached' }

it.each([
  ['recall', post('/v1/recall', { query: 'Where is the blue kettle?' })],
  ['cached recall', post('/v1/recall', { query: 'Where is the blue kettle?', ...block })],
  ['search', post('/v1/memories/search', { query: 'Where is the blue kettle?' })],
  ['search of mem0', post('/mem0/v2/memories/search/', { query: 'the blue kettle' })],
  ['list', get('/v1/memories?user_id=ada&limit=500')],
  ['list of the past', get('/v1/memories?user_id=ada&as_of=2030-01-01T00:00:00Z')],
  ['export', get('/v1/export?user_id=ada')],
  ['graph', get('/v1/graph?user_id=ada')],
  ['profile', get('/v1/profile?user_id=ada')],
])('starts no further read of a %s when its client has left', async (_, request) => {
  const gate = createGate()
  const app = testApp({ wrapRecords: gate.wrap })
  await app.services.records.commit(await notes())
  const port = Number(new URL(await app.listen()).port)
  const requests = countRequests()
  const sockets = Array.from({ length: CLIENTS }, () => connect(port, '127.0.0.1'))
  for (const socket of sockets) socket.on('error', () => {}).write(request)
  await expect.poll(() => requests.arrived, WAIT).toBe(CLIENTS)
  await expect.poll(() => gate.started, WAIT).toBeGreaterThan(0)
  for (const socket of sockets) socket.destroy()
  await expect.poll(() => requests.closed, WAIT).toBe(CLIENTS)
  const { started } = gate
  gate.open()
  const cancelled = /^hippocache_http_requests_total\{[^}]*status="499"[^}]*\} (\d+)$/m
  await expect
    .poll(async () => cancelled.exec(await (await app.fetch('/metrics')).text())?.[1], WAIT)
    .toBe(String(CLIENTS))
  expect(gate.started).toBe(started)
  const answered = await app.call('POST', '/v1/recall', { user_id: 'ada', query: 'Is the kettle blue?' })
  expect(answered.body.status).toBe('ok')
})

let noteRecords: Write[] | undefined

/** The records of more memories than a page of a read holds. */
async function notes(): Promise<Write[]> {
  if (noteRecords) return noteRecords
  const app = testApp()
  const memories = Array.from({ length: 300 }, (_, i) => ({ memory: `Note ${i}: the kettle is blue.` }))
  await app.call('POST', '/v1/memories/import', { user_id: 'ada', memories })
  noteRecords = await readAll(app.services.records)
  return noteRecords
}

/** Counts the requests of the servers of this process. */
function countRequests() {
  const counts = { arrived: 0, closed: 0 }
  const count = (message: unknown) => {
    counts.arrived += 1
    const { response } = message as { response: ServerResponse }
    response.once('close', () => {
      counts.closed += 1
    })
  }
  subscribe('http.server.request.start', count)
  onTestFinished(() => void unsubscribe('http.server.request.start', count))
  return counts
}

it('sends a bounded number of reads to the SQLite thread, and none that is aborted while it waits', async () => {
  const client = new SqliteClient()
  const file = client.open('queue', ':memory:')
  await file.call('check')
  const controller = new AbortController()
  const reads = Array.from({ length: 500 }, () => file.read(controller.signal, 'all'))
  const other = file.read(undefined, 'all')
  expect(client.pending).toBeLessThanOrEqual(32)
  controller.abort(new Error('left'))
  const settled = await Promise.allSettled(reads)
  expect(settled.filter(({ status }) => status === 'fulfilled').length).toBeLessThanOrEqual(32)
  expect(await other).toEqual([])
  await file.close()
  await client.worker.terminate()
})
