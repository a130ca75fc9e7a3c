import { createRoute, z } from '@hono/zod-openapi'
import type { BufferZone } from '../../../learning/buffer/buffer-zone.ts'
import { archiveLines } from '../../../memory/archive/archive.ts'
import { type Archived, archived } from '../../../memory/archive/format.ts'
import { restoreRecords } from '../../../memory/archive/restore.ts'
import type { MemoryEngine } from '../../../memory/engine/engine.ts'
import { scopeKey } from '../../../memory/model/scope.ts'
import type { Embedder } from '../../../ports/embedder.ts'
import type { RecordStore } from '../../../ports/records.ts'
import { problemsOf, router } from '../../validation/router.ts'
import * as s from '../../validation/schemas.ts'
import { batchOf, MAX_BATCH, refusedItems } from './import.ts'

/** Approximate size of a response chunk, in UTF-16 code units. */
const CHUNK = 64 * 1024

const get = createRoute({
  method: 'get',
  path: '/v1/export',
  operationId: 'export_user',
  summary: 'Export all data of a user as JSON lines',
  description:
    'A header, then memories, earlier versions, history, turns, conversations, the graph and pending turns, then a footer with the counts. A file without the footer is incomplete. Excludes rules, ledger and embeddings.',
  request: { query: z.strictObject({ user_id: s.userId }) },
  responses: {
    200: {
      description: 'One JSON object per line.',
      content: { 'application/x-ndjson': { schema: { type: 'string' } } },
    },
  },
})

const restore = createRoute({
  method: 'post',
  path: '/v1/import',
  operationId: 'import_user',
  summary: 'Restore lines of an export',
  description:
    'Send the lines in the order of the export. Existing records stay unchanged, so a retry is safe. An invalid line does not affect the others.',
  request: {
    body: s.jsonBody(
      z.strictObject({
        user_id: s.userId,
        records: batchOf(`Lines of an export without header and footer, 1 to ${MAX_BATCH}.`, {
          kind: 'conversation',
          order: 0,
          conversation: { id: 'c-7', last_turn: 3, summary: '' },
        }),
      }),
    ),
  },
  responses: s.responses(
    'Number of restored and of unchanged records, and the refused lines.',
    z.object({ restored: z.number(), unchanged: z.number(), refused: refusedItems }),
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
      // A pull-based stream: the store is read only as fast as the client reads.
      const body = ReadableStream.from(toChunks(lines)) as ReadableStream<Uint8Array<ArrayBuffer>>
      // The route types of zod-openapi only know JSON and text responses.
      return c.body(body, 200) as never
    })
    .openapi(restore, async (c) => {
      const { user_id, records: lines } = c.req.valid('json')
      const scope = { namespace: c.get('namespace'), userId: user_id }
      const valid: Archived[] = []
      const refused: z.infer<typeof refusedItems> = []
      for (const [index, value] of lines.entries()) {
        const parsed = archived.safeDecode(value)
        if (parsed.success) valid.push(parsed.data)
        else refused.push({ index, reason: problemsOf(parsed.error, value, 'record').message })
      }
      const { restored, unchanged, waiting } = await engine.change(scopeKey(scope), (unit) =>
        restoreRecords(unit, valid, { records, embedder }),
      )
      // The buffer loads restored pending turns from the store, as after a restart.
      if (waiting.length > 0) await buffer?.start()
      return c.json({ restored, unchanged, refused }, 200)
    })
}

async function* toChunks(lines: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
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
