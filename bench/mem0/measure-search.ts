import { generateFacts, seededRandom } from '../lib/generated-facts.ts'
import { progress } from '../lib/progress.ts'
import type { FactBook } from './facts.ts'
import type { ScriptedModel } from './model.ts'
import type { InputMessage, MemorySystem, SystemUnderTest } from './system.ts'

export interface SearchMeasured {
  /** Latency of each search at the caller, milliseconds. */
  tookMs: number[]
  /** The same without the time in which the model was busy. */
  withoutModelMs: number[]
  /** Share of the questions whose memory is the first result, and among the first 8. */
  recall: { at1: number; at8: number }
  /** Embedding requests per search. */
  embeddingCalls: number
}

const TOP_K = 8
const MESSAGES_PER_TURN = 10
const WARM_UP_SEARCHES = 50
const FIRST_AT = Date.UTC(2026, 0, 5, 9)

/** Creates turns whose messages each state one fact, and adds the facts to the book. */
export function createSearchTurns(count: number, book: FactBook) {
  const facts = generateFacts(count, seededRandom(7))
  const messages = facts.map(
    ({ text }, i): InputMessage => ({ role: 'user', speaker: 'Ada', text, at: FIRST_AT + i * 60_000 }),
  )
  for (const message of messages) book.set(message, [message.text])
  const turns = Array.from({ length: Math.ceil(count / MESSAGES_PER_TURN) }, (_, i) => ({
    conversationId: 'c-1',
    turn: i + 1,
    messages: messages.slice(i * MESSAGES_PER_TURN, (i + 1) * MESSAGES_PER_TURN),
  }))
  return { facts, turns }
}

/**
 * Asks all systems the same questions, one at a time, alternating the order of the systems.
 *
 * @throws {Error} if a system finds fewer than 95 % of the memories
 */
export async function measureSearch(
  systems: readonly SystemUnderTest[],
  { facts, turns }: ReturnType<typeof createSearchTurns>,
  model: ScriptedModel,
): Promise<Map<SystemUnderTest, SearchMeasured>> {
  await using stack = new AsyncDisposableStack()
  const running: { subject: SystemUnderTest; system: MemorySystem; measured: SearchMeasured }[] = []
  const fillBar = progress('memories', turns.length * systems.length)
  for (const subject of systems) {
    const system = stack.use(await subject.start())
    for (const turn of turns) {
      await system.add(turn)
      fillBar.tick()
    }
    await system.settle()
    // Not the measured questions, which must not be in any cache.
    for (let i = 0; i < WARM_UP_SEARCHES; i++)
      await system.search(`warm up ${i} with ${facts[i]?.text}`, TOP_K)
    model.takeUsage(subject.id)
    const measured = { tookMs: [], withoutModelMs: [], recall: { at1: 0, at8: 0 }, embeddingCalls: 0 }
    running.push({ subject, system, measured })
  }
  const bar = progress('searches', facts.length * systems.length)
  for (const [i, { text, question }] of facts.entries()) {
    for (const { subject, system, measured } of i % 2 === 0 ? running : running.toReversed()) {
      model.takeBusyMs(subject.id)
      const { texts, tookMs } = await system.search(question, TOP_K)
      measured.tookMs.push(tookMs)
      measured.withoutModelMs.push(tookMs - model.takeBusyMs(subject.id))
      if (texts.includes(text)) measured.recall.at8 += 1 / facts.length
      if (texts[0] === text) measured.recall.at1 += 1 / facts.length
      bar.tick()
    }
  }
  for (const { subject, measured } of running) {
    measured.embeddingCalls = model.takeUsage(subject.id).embeddingCalls / facts.length
    if (measured.recall.at8 >= 0.95) continue
    throw new Error(`${subject.name}: expected recall@8 of at least 0.95, got ${measured.recall.at8}`)
  }
  return new Map(running.map(({ subject, measured }) => [subject, measured]))
}
