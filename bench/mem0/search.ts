import { facts, seeded } from '../lib/people.ts'
import { progress } from '../lib/progress.ts'
import type { FactBook } from './facts.ts'
import type { ScriptedModel } from './model.ts'
import type { Contestant, MemorySystem, Said } from './system.ts'

export interface SearchMeasured {
  /** Milliseconds that the caller waited for an answer. */
  took: number[]
  /** The same without those in which the model was busy. */
  outside: number[]
  /** Share of the questions that the right memory answered, among the first 8 and as the first. */
  right: { among: number; first: number }
  /** Embedding requests per search. */
  embeddingCalls: number
}

const TOP_K = 8
/** Messages handed over at once. */
const PER_TURN = 10
const WARM_UP = 50
const AT = Date.UTC(2026, 0, 5, 9)

/** The memories as turns, and in the book: each message is one fact. */
export function searchTurns(count: number, book: FactBook) {
  const known = facts(count, seeded(7))
  const said = known.map(({ text }, i): Said => ({ role: 'user', speaker: 'Ada', text, at: AT + i * 60_000 }))
  for (const message of said) book.write(message, [message.text])
  const turns = Array.from({ length: Math.ceil(count / PER_TURN) }, (_, i) => ({
    conversationId: 'c-1',
    turn: i + 1,
    messages: said.slice(i * PER_TURN, (i + 1) * PER_TURN),
  }))
  return { known, turns }
}

/**
 * Asks each the same questions, one at a time, question by question, who begins changing.
 * @throws {Error} before anything is timed, where one answers too few of them rightly
 */
export async function measureSearch(
  contestants: readonly Contestant[],
  { known, turns }: ReturnType<typeof searchTurns>,
  model: ScriptedModel,
): Promise<Map<Contestant, SearchMeasured>> {
  await using stack = new AsyncDisposableStack()
  const running: { contestant: Contestant; system: MemorySystem; measured: SearchMeasured }[] = []
  const fill = progress('memories', turns.length * contestants.length)
  for (const contestant of contestants) {
    const system = stack.use(await contestant.start())
    for (const turn of turns) {
      await system.add(turn)
      fill.tick()
    }
    await system.settle()
    // Not the questions that are timed, which nobody may have in a cache.
    for (let i = 0; i < WARM_UP; i++) await system.search(`warm up ${i} with ${known[i]?.text}`, TOP_K)
    model.takeUsage(contestant.id)
    const measured = { took: [], outside: [], right: { among: 0, first: 0 }, embeddingCalls: 0 }
    running.push({ contestant, system, measured })
  }
  const bar = progress('searches', known.length * contestants.length)
  for (const [i, { text, question }] of known.entries()) {
    for (const { contestant, system, measured } of i % 2 === 0 ? running : running.toReversed()) {
      model.takeBusyMs(contestant.id)
      const { texts, tookMs } = await system.search(question, TOP_K)
      measured.took.push(tookMs)
      measured.outside.push(tookMs - model.takeBusyMs(contestant.id))
      if (texts.includes(text)) measured.right.among += 1 / known.length
      if (texts[0] === text) measured.right.first += 1 / known.length
      bar.tick()
    }
  }
  for (const { contestant, measured } of running) {
    measured.embeddingCalls = model.takeUsage(contestant.id).embeddingCalls / known.length
    if (measured.right.among >= 0.95) continue
    throw new Error(
      `answers: expected ${contestant.name} to find at least 0.95 of the memories asked for, got ${measured.right.among}`,
    )
  }
  return new Map(running.map(({ contestant, measured }) => [contestant, measured]))
}
