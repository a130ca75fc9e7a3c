/* Baseline: the minimal HTTP service that acknowledges a turn durably. Parses JSON and commits it to SQLite before it answers. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'

const folder = mkdtempSync(join(tmpdir(), 'hippocache-baseline-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
process.on('SIGTERM', () => process.exit(0))
const db = new DatabaseSync(join(folder, 'turns.db'))
db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE turns (body TEXT NOT NULL)')
const insert = db.prepare('INSERT INTO turns (body) VALUES (?)')
const app = new Hono().post('*', async (c) => {
  insert.run(JSON.stringify(await c.req.json()))
  return c.json({ status: 'stored' }, 202)
})
serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) =>
  console.log(`http://127.0.0.1:${port}`),
)
