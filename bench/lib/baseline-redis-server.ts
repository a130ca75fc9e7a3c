/* Baseline: the minimal HTTP service on the same libraries. Reads one Redis key and answers it as JSON. */
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { Redis } from 'ioredis'

const redis = new Redis(process.argv[2] as string)
const app = new Hono().get('/:key', async (c) => {
  const value = await redis.get(c.req.param('key'))
  return c.json({ status: value === null ? 'miss' : 'hit', value })
})
serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) =>
  console.log(`http://127.0.0.1:${port}`),
)
