import { threadId } from 'node:worker_threads'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { embedTexts, lexicalEmbedder } from '../../../sidecar/adapters/in-process/lexical-embedder.ts'
import { judge, judgeAnswer } from '../../../sidecar/learning/extraction/judge.ts'
import { numberMessages } from '../../../sidecar/learning/extraction/messages.ts'
import { candidatesOf, collectCandidates } from '../../../sidecar/learning/intake/candidates.ts'
import { planFacts, planReconciliation } from '../../../sidecar/learning/reconcile/plan.ts'
import type { KnownMemory, NewFact } from '../../../sidecar/learning/reconcile/types.ts'
import { searchEntriesOf, toSearchEntry } from '../../../sidecar/memory/search/entry.ts'
import { chunksByLength, OFFLOAD_CHARACTERS, offloaded } from '../../../sidecar/text/workers/worker-pool.ts'
import { storedMemory } from '../../helpers/memory.ts'
import { threadOf, url } from '../../helpers/thread-of.ts'

const WORDS = [
  'Ada',
  'moved',
  'to',
  'Kyoto',
  'in',
  '2021',
  '東京で',
  '음악을',
  'naïve',
  "don't",
  '😀',
  '。',
  '. ',
  '?',
]

/** Texts that are long enough together for a worker thread. */
const longTexts = fc
  .array(
    fc.array(fc.constantFrom(...WORDS), { minLength: 3, maxLength: 60 }).map((words) => words.join(' ')),
    { minLength: 1, maxLength: 8 },
  )
  .map((texts) => {
    const repeats = Math.ceil((OFFLOAD_CHARACTERS + 500) / texts.join('').length)
    return Array.from({ length: repeats }, (_, i) => texts.map((text) => `${text} ${i}`)).flat()
  })

const RUNS = { numRuns: 3 }

describe('a call with much text gives the same result in a worker thread as inline', () => {
  it('search entries of memories', async () => {
    await fc.assert(
      fc.asyncProperty(longTexts, async (texts) => {
        const memories = texts.map((text, i) =>
          storedMemory({ id: `m${i}`, text, context: texts[i + 1] ?? null }),
        )
        const statements = memories.map(({ text, context, speaker, role, created_at }) => ({
          ...{ text, speaker, role, conversationId: null, turn: null, ordinal: 0, at: created_at },
          context: context ?? undefined,
        }))
        expect(await searchEntriesOf(memories)).toEqual(statements.map(toSearchEntry))
      }),
      RUNS,
    )
  })

  it('lexical embeddings', async () => {
    await fc.assert(
      fc.asyncProperty(longTexts, async (texts) => {
        const inline = embedTexts({ texts, dimensions: 384 })
        expect(await lexicalEmbedder().embed(texts, 'document')).toEqual(inline)
      }),
      RUNS,
    )
  })

  it('candidates of a turn', async () => {
    await fc.assert(
      fc.asyncProperty(longTexts, async (texts) => {
        const input = {
          turn: {
            id: 't',
            conversation_id: null,
            turn: null,
            agent_id: null,
            run_id: null,
            remember: 'both' as const,
            messages: texts.map((content) => ({ role: 'user' as const, content })),
          },
          scope: 'default/ada',
          before: null,
          now: 1_772_355_600_000,
        }
        expect(await candidatesOf(input)).toEqual(collectCandidates(input))
      }),
      RUNS,
    )
  })

  it('checks of an answer', async () => {
    await fc.assert(
      fc.asyncProperty(longTexts, fc.boolean(), async (texts, isCut) => {
        const messages = texts.map((content) => ({ role: 'user' as const, content, at: 0 }))
        const rules = {
          ...{ remember: 'both' as const, custom_instructions: '', topics: [] },
          ...{ include_topics: [], exclude_topics: [] },
        }
        const batch = { summary: '', recent: [], turns: [{ turnId: 't', turn: 1, messages }], rules }
        const facts = texts.map((text, i) => ({ text, topic: 'home', messages: [i + 1], importance: 3 }))
        const written = JSON.stringify({ facts, summary: 'Ada moved.' })
        const input = {
          written: isCut ? written.slice(0, -20) : written,
          finish: isCut ? ('length' as const) : ('stop' as const),
          batch,
          numbered: numberMessages(batch),
        }
        expect(await judge(input)).toEqual(judgeAnswer(input))
      }),
      RUNS,
    )
  })

  it('plans of a reconciliation', async () => {
    await fc.assert(
      fc.asyncProperty(longTexts, async (texts) => {
        const dense = embedTexts({ texts, dimensions: 32 })
        const about = { speaker: 'Ada', topic: 'home', subTopic: 'city', at: 0 }
        const all = texts.map((text, i) => ({ ...about, text, dense: dense[i] as Float32Array }))
        const facts: NewFact[] = all.slice(0, 20).map((one) => ({ ...one, eventDate: null }))
        const neighbours: KnownMemory[][] = facts.map((_, i) =>
          all.slice(i, i + 30).map((one, k) => ({ ...one, text: `${one.text} Oslo`, id: `m${i + k}` })),
        )
        const input = { facts, neighbours }
        expect(await planReconciliation(input)).toEqual(planFacts(input))
      }),
      RUNS,
    )
  })
})

describe('offloaded', () => {
  const threadFor = offloaded(url, threadOf, (text) => text.length)

  it('runs a short call inline and a long one in a worker thread', async () => {
    expect(await threadFor('x'.repeat(OFFLOAD_CHARACTERS - 1))).toBe(threadId)
    expect(await threadFor('x'.repeat(OFFLOAD_CHARACTERS))).not.toBe(threadId)
  })
})

describe('chunksByLength', () => {
  it('keeps all items in order, in chunks that reach the threshold but for the last', () => {
    const lengths = fc.array(fc.nat(2 * OFFLOAD_CHARACTERS), { maxLength: 40 })
    fc.assert(
      fc.property(lengths, (items) => {
        const chunks = chunksByLength(items, (length) => length)
        expect(chunks.flat()).toEqual(items)
        for (const chunk of chunks.slice(0, -1)) {
          expect(chunk.reduce((sum, length) => sum + length, 0)).toBeGreaterThanOrEqual(OFFLOAD_CHARACTERS)
        }
      }),
    )
  })
})
