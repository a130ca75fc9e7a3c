/*
 * npm run bench -- scale [--memories 100000] [--users 10000] [--per-user 100] [--requests 300] [--starts 5]
 *
 * Latency of POST /v1/recall with the per-query strategy on SQLite, one request at a time: one user with many memories,
 * without embeddings and with embeddings of 384 numbers; the first recall of a process, alternating with later ones of the
 * same process; many users in random order, alternating with one of them. Also resident memory. Memories have 20 words
 * with Zipf frequencies.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { metricSum } from './add/remembered.ts'
import { startChildServer } from './lib/child-server.ts'
import { seededRandom } from './lib/generated-facts.ts'
import { createClient } from './lib/http.ts'
import { readOptions } from './lib/options.ts'
import { type SidecarProcess, startSidecar } from './lib/sidecar-process.ts'
import { percentile } from './lib/statistics.ts'
import { table } from './lib/table.ts'
import { timed } from './lib/timed.ts'
import { DIMENSIONS, saidAs } from './scale/texts.ts'

const options = readOptions({ memories: 100_000, users: 10_000, 'per-user': 100, requests: 300, starts: 5 })

/** Memories per request of an import. */
const BATCH = 500
const WARM_UP_REQUESTS = 50
const CHECKED = 100
/** Share of the questions that must return the memory they were made of. */
const MIN_CORRECT = 0.9

interface RecallAnswer {
  status: string
  memories: { memory: string }[]
}

await using stack = new AsyncDisposableStack()
const embeddings = stack.use(await startChildServer('scale/embedding-server.ts'))
const neural = {
  EMBEDDING_BASE_URL: embeddings.url,
  EMBEDDING_MODEL: 'words',
  EMBEDDING_DIMENSIONS: String(DIMENSIONS),
}
const rows = [['', 'p50 ms', 'p95 ms', 'first recall of a process, ms', 'ratio to a later p50']]
await largeScope('without embeddings', {})
await largeScope(`with embeddings of ${DIMENSIONS} numbers`, neural)
console.log(`\n${table(rows)}\n`)
await manyUsers()

async function largeScope(name: string, env: Record<string, string>): Promise<void> {
  using folder = temporaryFolder()
  const start = () => startSidecar({ ...env, DATA_DIR: folder.path })
  {
    await using sidecar = await start()
    await importMemories(sidecar, 'ada', 0, options.memories)
  }
  const random = seededRandom(3)
  const pick = () => saidAs(Math.floor(random() * options.memories))
  const [first, later]: [number[], number[]] = [[], []]
  let correct = 0
  for (let i = 0; i < options.starts; i++) {
    await using sidecar = await start()
    const client = createClient(sidecar.url)
    first.push(await timed(() => recall(client, 'ada', pick().question)))
    for (let k = 0; k < WARM_UP_REQUESTS; k++) await recall(client, 'ada', pick().question)
    for (let k = 0; k < options.requests; k++) {
      const { question } = pick()
      later.push(await timed(() => recall(client, 'ada', question)))
    }
    if (i === 0) {
      for (let k = 0; k < CHECKED; k++) {
        const { question, text } = pick()
        const { memories } = await recall(client, 'ada', question)
        if (memories.some(({ memory }) => memory === text)) correct += 1
      }
      console.log(`check: ${correct} of ${CHECKED} questions ${name} return the expected memory`)
      if (correct < MIN_CORRECT * CHECKED) throw new Error('check: the answers are wrong')
    }
    client.close()
  }
  const [p50, p95, firstMs] = [percentile(later, 0.5), percentile(later, 0.95), percentile(first, 0.5)]
  rows.push([
    `${options.memories} memories, ${name}`,
    p50.toFixed(1),
    p95.toFixed(1),
    firstMs.toFixed(1),
    (firstMs / p50).toFixed(2),
  ])
}

async function manyUsers(): Promise<void> {
  using folder = temporaryFolder()
  await using sidecar = await startSidecar({ DATA_DIR: folder.path })
  const perUser = options['per-user']
  for (let user = 0; user < options.users; user++)
    await importMemories(sidecar, `user-${user}`, user * perUser, perUser)
  const client = createClient(sidecar.url)
  const random = seededRandom(5)
  const ask = async (user: number) => {
    const { question } = saidAs(user * perUser + Math.floor(random() * perUser))
    return await timed(() => recall(client, `user-${user}`, question))
  }
  for (let i = 0; i < WARM_UP_REQUESTS; i++) await ask(0)
  const [hot, anyone]: [number[], number[]] = [[], []]
  for (let i = 0; i < options.requests; i++) {
    hot.push(await ask(0))
    anyone.push(await ask(Math.floor(random() * options.users)))
  }
  const resident = await metricSum(sidecar.url, 'process_resident_memory_bytes')
  client.close()
  const row = (name: string, samples: readonly number[]) => [
    name,
    ...[0.5, 0.95].map((p) => percentile(samples, p).toFixed(2)),
  ]
  console.log(
    table([
      ['', 'p50 ms', 'p95 ms'],
      row(`${options.users} users with ${perUser} memories, random order`, anyone),
      row('one of them', hot),
    ]),
  )
  const ratio = percentile(anyone, 0.95) / percentile(hot, 0.95)
  console.log(
    `\nratio of p95, random order / one user: ${ratio.toFixed(2)} × (goal: ≤ 3); ${(resident / 1e6).toFixed(0)} MB resident (goal: ≤ 700)`,
  )
}

async function importMemories(
  { url }: SidecarProcess,
  user: string,
  from: number,
  count: number,
): Promise<void> {
  const client = createClient(url)
  for (let at = 0; at < count; at += BATCH) {
    const memories = Array.from({ length: Math.min(BATCH, count - at) }, (_, i) => ({
      id: `m-${from + at + i}`,
      memory: saidAs(from + at + i).text,
      created_at: new Date(Date.UTC(2024, 0, 1) + (from + at + i) * 60_000).toISOString(),
    }))
    await client.post('/v1/memories/import', { user_id: user, memories })
  }
  client.close()
}

function recall(client: ReturnType<typeof createClient>, user: string, query: string): Promise<RecallAnswer> {
  return client.post<RecallAnswer>('/v1/recall', { user_id: user, query })
}

function temporaryFolder() {
  const path = mkdtempSync(join(tmpdir(), 'hippocache-scale-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}
