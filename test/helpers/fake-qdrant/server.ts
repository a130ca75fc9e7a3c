import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import {
  type Body,
  changeAliases,
  collectionOf,
  count,
  createCollection,
  createVector,
  deleteCollection,
  describeCollection,
  emptyState,
  type FakeState,
  facet,
  Refusal,
  retrieve,
  scroll,
  stepsOf,
} from './engine.ts'
import { type ApiCheck, checkAgainst } from './openapi.ts'
import { query } from './query.ts'

export interface FakeRequest {
  method: string
  path: string
  query: Record<string, string>
  body: Body
  apiKey: string | undefined
  acceptEncoding: string | undefined
}

/**
 * An injected fault: another response; no response (`hang`) or a closed connection (`cut`) before, halfway through or
 * after execution; or a reset within the response body, before execution (`reply`).
 */
export type Fault =
  | { status: number; body?: unknown; headers?: Record<string, string> }
  | { hang: 'before' | 'after' }
  | { cut: 'before' | 'half' | 'after' }
  | { reply: 'half' }

export interface FakeQdrant extends AsyncDisposable {
  url: string
  state: FakeState
  /** Every request since the start. */
  requests: FakeRequest[]
  /** Length of every answer. */
  answeredBytes: number[]
  /** Called for each request. */
  fault: (request: FakeRequest) => Fault | undefined
  /** Violations of Qdrant's OpenAPI document; disposing of the server throws if there are any. */
  violations: string[]
}

/** Path of Qdrant's OpenAPI document; without it nothing is validated. */
export const OPENAPI = process.env['QDRANT_OPENAPI']

let check: ApiCheck | undefined

/** A fake Qdrant server with the requests of the record store, points in memory, and injected faults. */
export async function startFakeQdrant(options: { apiKey?: string; port?: number } = {}): Promise<FakeQdrant> {
  if (OPENAPI) check ??= checkAgainst(OPENAPI)
  const server = createServer((request, response) => {
    void answer(request, response).catch(() => request.socket.destroy())
  })
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve))
  const fake: FakeQdrant = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    state: emptyState(),
    requests: [],
    answeredBytes: [],
    fault: () => undefined,
    violations: [],
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      if (fake.violations.length > 0)
        throw new Error(`violations of Qdrant's OpenAPI document: ${fake.violations.join('; ')}`)
    },
  }

  async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname: path, searchParams } = new URL(incoming.url as string, fake.url)
    const { method = '' } = incoming
    const sent = await text(incoming)
    const body = sent === '' ? undefined : JSON.parse(sent)
    const apiKey = incoming.headers['api-key'] as string | undefined
    const acceptEncoding = incoming.headers['accept-encoding'] as string | undefined
    const query = Object.fromEntries(searchParams)
    const request = { method, path, query, body, apiKey, acceptEncoding }
    fake.requests.push(request)
    const fault = fake.fault(request)
    if (fault && 'status' in fault) {
      const {
        status,
        headers = {},
        body: said = { status: { error: `scripted ${status}` }, time: 0 },
      } = fault
      const type = typeof said === 'string' ? 'text/plain' : 'application/json'
      response.writeHead(status, { 'content-type': type, ...headers })
      response.end(typeof said === 'string' ? said : JSON.stringify(said))
      return
    }
    if (fault && 'reply' in fault) {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1000 })
      response.write('{"result":{"points":[', () => incoming.socket.resetAndDestroy())
      return
    }
    if (fault && 'hang' in fault && fault.hang === 'before') return
    if (fault && 'cut' in fault && fault.cut === 'before') return void incoming.socket.destroy()
    const { status, body: answered } = reply(request, searchParams, fault)
    if (fault && 'hang' in fault) return
    if (fault) return void incoming.socket.destroy()
    const sentBack = JSON.stringify(answered)
    fake.answeredBytes.push(Buffer.byteLength(sentBack))
    response.writeHead(status, { 'content-type': 'application/json' }).end(sentBack)
  }

  function reply(
    request: FakeRequest,
    query: URLSearchParams,
    fault: Fault | undefined,
  ): { status: number; body: unknown } {
    const { method, path, body } = request
    if (options.apiKey !== undefined && request.apiKey !== options.apiKey) {
      return { status: 401, body: 'Must provide an API key or an Authorization bearer token' }
    }
    const wrong = check?.request(method, path, query, body)
    if (wrong) {
      fake.violations.push(wrong)
      return refused(400, `Format error: ${wrong}`)
    }
    try {
      const half = fault !== undefined && 'cut' in fault && fault.cut === 'half'
      const answered = { result: perform(fake.state, request, half), status: 'ok', time: 0.001 }
      const amiss = check?.answer(method, path, 200, answered)
      if (amiss) fake.violations.push(amiss)
      return { status: 200, body: answered }
    } catch (error) {
      if (error instanceof Refusal) return refused(error.status, error.message)
      throw error
    }
  }

  return fake
}

function refused(status: number, error: string): { status: number; body: unknown } {
  return { status, body: { status: { error }, time: 0 } }
}

function perform(state: FakeState, { method, path, body }: FakeRequest, half: boolean): unknown {
  const parts = path.split('/').map(decodeURIComponent).slice(1)
  const [, name = '', ...rest] = parts
  switch (`${method} ${rest.join('/')}`) {
    case 'GET ':
      if (parts[0] === 'aliases') {
        const aliases = [...state.aliases].map(([alias_name, collection_name]) => ({
          alias_name,
          collection_name,
        }))
        return { aliases }
      }
      if (name === '') return { collections: [...state.collections.keys()].map((one) => ({ name: one })) }
      return describeCollection(collectionOf(state, name))
    case 'PUT ':
      return createCollection(state, name, body)
    case 'DELETE ':
      return deleteCollection(state, name)
    case 'POST ':
      return changeAliases(state, body.actions)
    case 'PUT index':
      collectionOf(state, name).indexes.set(body.field_name, body.field_schema)
      return { operation_id: 0, status: 'completed' }
    case 'POST points':
      return retrieve(collectionOf(state, name), body)
    case 'POST points/batch': {
      const steps = stepsOf(collectionOf(state, name), body.operations)
      for (const step of half ? steps.slice(0, steps.length / 2) : steps) step()
      return body.operations.map(() => ({ operation_id: 0, status: 'completed' }))
    }
    case 'POST points/scroll':
      return scroll(collectionOf(state, name), body)
    case 'POST points/query/batch':
      return body.searches.map((one: Body) => query(collectionOf(state, name), one))
    case 'POST points/query':
      return query(collectionOf(state, name), body)
    case 'PUT vectors/sparse':
      return createVector(collectionOf(state, name), 'sparse', body)
    case 'POST points/count':
      return count(collectionOf(state, name), body)
    case 'POST facet':
      return facet(collectionOf(state, name), body)
    default:
      throw new Refusal(404, `${method} ${path} is not implemented by the fake server`)
  }
}
