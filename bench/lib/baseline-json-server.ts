/* Baseline: the minimal HTTP service on the same libraries. Parses a JSON body and answers JSON of a given size. */
import { serve } from '@hono/node-server'
import { Hono } from 'hono'

const answer = { context: 'x'.repeat(Math.max(0, Number(process.argv[2] ?? 0) - 14)) }
const app = new Hono().post('/', async (c) => {
  await c.req.json()
  return c.json(answer)
})
serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) =>
  console.log(`http://127.0.0.1:${port}`),
)
