import { createRoute, z } from '@hono/zod-openapi'
import type { BufferZone } from '../buffer/buffer-zone.ts'
import type { MemoryEngine } from '../memory/engine.ts'
import { archiveLines } from '../memory/transfer/archive.ts'
import { type Archived, archived } from '../memory/transfer/format.ts'
import { restoreRecords } from '../memory/transfer/restore.ts'
import type { Embedder } from '../ports/embedder.ts'
import type { RecordStore } from '../ports/records.ts'
import { scopeKey } from '../scope.ts'
import { entries, MAX_BATCH, refused } from './memories/import.ts'
import { router } from './router.ts'
import * as s from './schemas.ts'
import { faultsOf } from './validation.ts'

/** Bytes that are handed to the connection at a time, roughly. */
const CHUNK = 64 * 1024

const get = createRoute({
  method: 'get',
  path: '/v1/export',
  operationId: 'export_user',
  summary: 'Everything that is kept of a user, as lines of JSON',
  description:
    'A header, then memories, past versions, history, turns, conversations, graph and what waits, then a footer with the counts. A file without the footer is not whole. Rules, ledger and embeddings are not in it.',
  request: { query: z.strictObject({ user_id: s.userId }) },
  responses: {
    200: { description: 'The lines.', content: { 'application/x-ndjson': { schema: { type: 'string' } } } },
  },
})

const restore = createRoute({
  method: 'post',
  path: '/v1/import',
  operationId: 'import_user',
  summary: 'Put lines of an export back',
  description:
    'In the order of the export. What is here already stays as it is, so lines can be sent again. A bad line is refused by itself.',
  request: {
    body: s.jsonBody(
      z.strictObject({
        user_id: s.userId,
        records: entries(`Lines of an export between header and footer, at most ${MAX_BATCH}.`, {
          kind: 'conversation',
          order: 0,
          conversation: { id: 'c-7', last_turn: 3, summary: '' },
        }),
      }),
    ),
  },
  responses: s.answers(
    'What became of them.',
    z.object({ restored: z.number(), unchanged: z.number(), refused }),
  ),
})

interface Services {
  engine: MemoryEngine
  records: RecordStore
  embedder: Embedder
  buffer: BufferZone | undefined
  now: () => number
}

export function exportRoutes({ engine, records, embedder, buffer, now }: Services) {
  return router()
    .openapi(get, (c) => {
      const { user_id } = c.req.valid('query')
      const scope = scopeKey({ namespace: c.get('namespace'), userId: user_id })
      const lines = archiveLines(records, scope, { userId: user_id, now: now() })
      c.header('content-type', 'application/x-ndjson; charset=utf-8')
      c.header('cache-control', 'no-store')
      // Pulled: nothing is read from the store that the connection has no room for.
      const body = ReadableStream.from(inChunks(lines)) as ReadableStream<Uint8Array<ArrayBuffer>>
      // The types of routes know answers that are JSON or a text only.
      return c.body(body, 200) as never
    })
    .openapi(restore, async (c) => {
      const { user_id, records: given } = c.req.valid('json')
      const scope = { namespace: c.get('namespace'), userId: user_id }
      const good: Archived[] = []
      const bad: z.infer<typeof refused> = []
      for (const [index, value] of given.entries()) {
        const parsed = archived.safeDecode(value)
        if (parsed.success) good.push(parsed.data)
        else bad.push({ index, reason: faultsOf(parsed.error, value, 'record').message })
      }
      const { restored, unchanged, waiting } = await engine.change(scopeKey(scope), (unit) =>
        restoreRecords(unit, good, { records, embedder }),
      )
      // It finds them where it finds what an earlier process left.
      if (waiting.length > 0) await buffer?.start()
      return c.json({ restored, unchanged, refused: bad }, 200)
    })
}

async function* inChunks(lines: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder()
  let chunk = ''
  for await (const line of lines) {
    chunk += `${line}\n`
    if (chunk.length < CHUNK) continue
    yield encoder.encode(chunk)
    chunk = ''
  }
  if (chunk !== '') yield encoder.encode(chunk)
}
