import { parcelsIn } from './parcels.ts'

/** Time within which the number of pending turns must fall, milliseconds. */
const STALLED_MS = 120_000
/** Interval between two lines about the progress, milliseconds. */
const PROGRESS_MS = 60_000

export async function postJson(url: string, body: unknown): Promise<Response> {
  const headers = { 'content-type': 'application/json' }
  return await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
}

/** The sum of a metric of a sidecar over all labels. */
export async function metricSum(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const samples = [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))]
  if (samples.length === 0) throw new Error(`/metrics: expected ${name}, got none`)
  return samples.reduce((sum, [, value]) => sum + Number(value), 0)
}

/** Flushes users until nothing is pending; returns how long that took, milliseconds. Prints the progress of long work. */
export async function drain(url: string, users: readonly string[]): Promise<number> {
  const started = performance.now()
  let [least, fellAt, printedAt] = [Number.POSITIVE_INFINITY, started, started]
  for (;;) {
    const pending = await metricSum(url, 'hippocache_pending_turns')
    const now = performance.now()
    if (pending === 0) return now - started
    if (pending < least) [least, fellAt] = [pending, now]
    if (now - fellAt > STALLED_MS) {
      throw new Error(
        `drain: expected fewer than ${least} pending turns after ${STALLED_MS} ms, got ${pending}`,
      )
    }
    if (now - printedAt > PROGRESS_MS) {
      console.log(`${pending} turns are still pending`)
      printedAt = now
    }
    await Promise.all(
      users.map(async (user_id) => (await postJson(`${url}/v1/flush`, { user_id, wait: false })).text()),
    )
    await new Promise((resolve) => setTimeout(resolve, 1000))
  }
}

/**
 * @param turns numbers of the acknowledged turns
 * @throws {Error} unless each of them is remembered once, and no other turn twice
 */
export async function checkRememberedOnce(
  url: string,
  users: readonly string[],
  turns: Iterable<number>,
): Promise<void> {
  const occurrences = new Map<string, number>()
  for (const user_id of users) {
    for (let cursor: string | null = ''; cursor !== null; ) {
      const query = new URLSearchParams({ user_id, limit: '100' })
      if (cursor) query.set('cursor', cursor)
      const answer = await fetch(`${url}/v1/memories?${query}`)
      const page = (await answer.json()) as { memories: { memory: string }[]; next_cursor: string | null }
      for (const parcel of page.memories.flatMap(({ memory }) => parcelsIn(memory))) {
        occurrences.set(parcel, (occurrences.get(parcel) ?? 0) + 1)
      }
      cursor = page.next_cursor
    }
  }
  const lost = Array.from(turns, (i) => `parcel${i}x`).filter((parcel) => !occurrences.has(parcel))
  const duplicated = [...occurrences].filter(([, n]) => n > 1).map(([parcel]) => parcel)
  if (lost.length > 0 || duplicated.length > 0) {
    throw new Error(
      `check: expected each turn to be remembered once, got ${lost.length} lost (${lost.slice(0, 5)}) and ` +
        `${duplicated.length} duplicated (${duplicated.slice(0, 5)})`,
    )
  }
}
