import { createRoute, z } from '@hono/zod-openapi'
import { toView } from '../../memory/model/memory.ts'
import type { Profiles } from '../../retrieval/profile/profiles.ts'
import type { SlottedMemory } from '../../retrieval/profile/slots.ts'
import { router } from '../validation/router.ts'
import * as s from '../validation/schemas.ts'

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

const entry = {
  id: z.string(),
  memory: z.string(),
  importance: z.number().nullable(),
  at: z.string(),
  event_date: z.string().nullable(),
}

const listed = z.object({ ...entry, topic: z.string(), sub_topic: z.string().nullable() })

const get = createRoute({
  method: 'get',
  path: '/v1/profile',
  operationId: 'get_profile',
  summary: 'Get the memories of a user by topic, without a query',
  description:
    'Fills the token budget with current memories: preferred topics first, then by importance, then by recency. Without a language model, memories have no topic; the profile then lists the statements of the user under the topic "said".',
  request: {
    query: z.strictObject({
      user_id: s.userId,
      agent_id: s.agentId.optional(),
      run_id: s.runId.optional(),
      app_id: s.appId.optional(),
      token_budget: s.queryInteger(s.integer(0, 100_000).default(800), {
        description: 'Maximum o200k tokens of the text, 0 to 100,000; default 800.',
        example: 800,
      }),
      topics: topicList(`Includes only these topics, at most ${MAX_TOPICS}, comma-separated; absent: all.`),
      prefer: topicList(`Topics to include first, at most ${MAX_TOPICS}, comma-separated.`),
      max_per_topic: s.queryInteger(s.integer(1, 500).default(15), {
        description: 'Maximum memories per topic, 1 to 500; default 15.',
        example: 15,
      }),
    }),
  },
  responses: s.responses(
    'The profile; empty if the user has no memories.',
    z.object({
      topics: z.array(
        z.object({
          topic: z.string(),
          sub_topics: z.array(
            z.object({ sub_topic: z.string().nullable(), memories: z.array(z.object(entry)) }),
          ),
        }),
      ),
      static: z.array(listed).openapi({
        description:
          'The memories of long-lived topics: basic_info, contact, work, education, relationships, health, preferences.',
      }),
      recent: z.array(listed).openapi({
        description:
          'Of the other topics: memories that were said or happened in the last 30 days, future events, and plans without a date. Most recently said first.',
      }),
      text: z.string().openapi({
        description: 'The profile as prompt text; byte-identical while the memories do not change.',
      }),
      tokens: z.number().openapi({ description: 'o200k tokens of the text.' }),
      count: z.number().openapi({ description: 'Memories in the profile.' }),
      left_out: z.number().openapi({
        description: 'Memories that exceeded the token budget or max_per_topic.',
      }),
    }),
  ),
})

export function profileRoutes({ profiles }: { profiles: Profiles }) {
  return router().openapi(get, async (c) => {
    const { user_id, token_budget, max_per_topic, ...query } = c.req.valid('query')
    const profile = await profiles.read(
      { namespace: c.get('namespace'), userId: user_id },
      {
        agentId: query.agent_id,
        runId: query.run_id,
        appId: query.app_id,
        tokenBudget: token_budget,
        maxPerTopic: max_per_topic,
        topics: query.topics,
        prefer: query.prefer,
      },
    )
    const list = (slotted: readonly SlottedMemory[]) =>
      slotted.map((one) => ({ ...toEntry(one, user_id), topic: one.topic, sub_topic: one.subTopic }))
    return c.json(
      {
        topics: groupByTopic(profile.kept, user_id),
        static: list(profile.static),
        recent: list(profile.recent),
        text: profile.text,
        tokens: profile.tokens,
        count: profile.kept.length,
        left_out: profile.leftOut,
      },
      200,
    )
  })
}

/** @param sorted in profile order, so that memories of one topic and of one sub-topic are adjacent */
function groupByTopic(sorted: readonly SlottedMemory[], userId: string) {
  type SubTopic = { sub_topic: string | null; memories: ReturnType<typeof toEntry>[] }
  const topics: { topic: string; sub_topics: SubTopic[] }[] = []
  for (const [i, one] of sorted.entries()) {
    const previous = sorted[i - 1]
    if (previous?.key !== one.key) topics.push({ topic: one.topic, sub_topics: [] })
    const subTopics = topics.at(-1)?.sub_topics as SubTopic[]
    if (previous?.key !== one.key || previous.subKey !== one.subKey)
      subTopics.push({ sub_topic: one.subTopic, memories: [] })
    subTopics.at(-1)?.memories.push(toEntry(one, userId))
  }
  return topics
}

function toEntry({ memory }: SlottedMemory, userId: string) {
  const { id, memory: text, importance, at, event_date } = toView(memory, userId)
  return { id, memory: text, importance, at, event_date }
}
