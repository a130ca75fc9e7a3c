import { z } from '@hono/zod-openapi'
import type { SlottedMemory } from '../../retrieval/profile/slots.ts'
import { recalledMemory, toRecalledView } from '../shared/memory-view.ts'
import { type Api, operation, scopeOf, signalOf } from '../shared/operation.ts'
import * as s from '../shared/schemas.ts'
import type { HttpServices } from '../shared/services.ts'

const MAX_TOPICS = 64

function topicList(description: string) {
  return z
    .string()
    .max(4096, { error: 'expected at most 4096 characters' })
    .transform((text) => text.split(',').flatMap((name) => name.trim() || []))
    .refine((names) => names.length <= MAX_TOPICS, { error: `expected at most ${MAX_TOPICS} topics` })
    .transform((names) => (names.length === 0 ? undefined : names))
    .optional()
    .openapi({ type: 'string', description, example: 'work,health' })
}

const entry = recalledMemory.pick({ id: true, memory: true, importance: true, at: true, event_date: true })
const listed = entry.extend({ topic: z.string(), sub_topic: z.string().nullable() })

const getProfileOperation = operation({
  route: 'GET /v1/profile',
  operationId: 'get_profile',
  summary: 'Get the memories of a user by topic, without a query',
  description:
    'Fills the token budget with current memories: preferred topics first, then by importance, then by recency. Without a language model, memories have no topic; the profile then lists the statements of the user under the topic "said".',
  query: {
    user_id: s.userId,
    ...s.labels,
    token_budget: s.queryInteger(s.integer(0, 100_000).default(800), {
      minimum: 0,
      maximum: 100_000,
      default: 800,
      description: 'Maximum o200k tokens of the text, 0 to 100,000; default 800.',
      example: 800,
    }),
    topics: topicList(`Includes only these topics, at most ${MAX_TOPICS}, comma-separated; absent: all.`),
    prefer: topicList(`Topics to include first, at most ${MAX_TOPICS}, comma-separated.`),
    max_per_topic: s.queryInteger(s.integer(1, 500).default(15), {
      minimum: 1,
      maximum: 500,
      default: 15,
      description: 'Maximum memories per topic, 1 to 500; default 15.',
      example: 15,
    }),
  },
  returns: 'The profile; empty if the user has no memories.',
  answer: {
    topics: z.array(
      z.object({
        topic: z.string(),
        sub_topics: z.array(z.object({ sub_topic: z.string().nullable(), memories: z.array(entry) })),
      }),
    ),
    static: z
      .array(listed)
      .describe(
        'The memories of long-lived topics: basic_info, contact, work, education, relationships, health, preferences.',
      ),
    recent: z
      .array(listed)
      .describe(
        'Of the other topics: memories that were said or happened in the last 30 days, future events, and plans without a date. Most recently said first.',
      ),
    text: z.string().describe('The profile as prompt text; byte-identical while the memories do not change.'),
    tokens: z.number().describe('o200k tokens of the text.'),
    count: z.number().describe('Memories in the profile.'),
    left_out: z.number().describe('Memories that exceeded the token budget or max_per_topic.'),
  },
})

export function profileRoutes(api: Api, { profiles }: HttpServices): void {
  getProfileOperation.handle(
    api,
    async ({ user_id, token_budget, max_per_topic, topics, prefer, ...labels }, c) => {
      const profile = await profiles.read(scopeOf(c, user_id), {
        ...s.toNarrowing(labels),
        tokenBudget: token_budget,
        maxPerTopic: max_per_topic,
        topics,
        prefer,
        signal: signalOf(c),
      })
      return {
        topics: groupByTopic(profile.kept),
        static: profile.static.map(toListed),
        recent: profile.recent.map(toListed),
        text: profile.text,
        tokens: profile.tokens,
        count: profile.kept.length,
        left_out: profile.leftOut,
      }
    },
  )
}

/** @param sorted in profile order, so that memories of one topic and of one sub-topic are adjacent */
function groupByTopic(sorted: readonly SlottedMemory[]) {
  type SubTopic = { sub_topic: string | null; memories: ReturnType<typeof toEntry>[] }
  const topics: { topic: string; sub_topics: SubTopic[] }[] = []
  for (const [i, one] of sorted.entries()) {
    const previous = sorted[i - 1]
    if (previous?.key !== one.key) topics.push({ topic: one.topic, sub_topics: [] })
    const subTopics = topics.at(-1)?.sub_topics as SubTopic[]
    if (previous?.key !== one.key || previous.subKey !== one.subKey)
      subTopics.push({ sub_topic: one.subTopic, memories: [] })
    subTopics.at(-1)?.memories.push(toEntry(one))
  }
  return topics
}

function toListed(slotted: SlottedMemory) {
  return { ...toEntry(slotted), topic: slotted.topic, sub_topic: slotted.subTopic }
}

function toEntry({ memory }: SlottedMemory) {
  const { id, memory: text, importance, at, event_date } = toRecalledView(memory)
  return { id, memory: text, importance, at, event_date }
}
