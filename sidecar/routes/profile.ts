import { createRoute, z } from '@hono/zod-openapi'
import { toView } from '../memory/memory.ts'
import type { Profiles } from '../profile/profiles.ts'
import type { Placed } from '../profile/slots.ts'
import { router } from './router.ts'
import * as s from './schemas.ts'

const MAX_TOPICS = 64

/** Names of topics, separated by commas. */
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
  summary: 'What is known of a user, by topic and without a query',
  description:
    'Of the memories that hold now, those of preferred topics, then the important, then the recent, as far as the budget goes. Without a language model nothing sorts memories: then the words of the user stand under the topic "said".',
  request: {
    query: z.strictObject({
      user_id: s.userId,
      agent_id: s.agentId.optional(),
      run_id: s.runId.optional(),
      app_id: s.appId.optional(),
      token_budget: s.inQuery(s.wholeNumber(0, 100_000), '800').openapi({
        description: 'Most tokens (o200k) of the text; 800, if absent.',
      }),
      topics: topicList('Only these topics, separated by commas.'),
      prefer: topicList('Topics that come first where not all find room, separated by commas.'),
      max_per_topic: s.inQuery(s.wholeNumber(1, 500), '15').openapi({
        description: 'Most memories of one topic; 15, if absent.',
      }),
    }),
  },
  responses: s.answers(
    'The profile; empty where nothing is known.',
    z.object({
      topics: z.array(
        z.object({
          topic: z.string(),
          sub_topics: z.array(
            z.object({ sub_topic: z.string().nullable(), memories: z.array(z.object(entry)) }),
          ),
        }),
      ),
      static: z
        .array(listed)
        .openapi({ description: 'Of these, what stays: basic_info, contact, work, education and the like.' }),
      recent: z.array(listed).openapi({
        description:
          'Of the others, what goes on: said or done within 30 days, still to come, or a plan. The latest said first.',
      }),
      text: z.string().openapi({ description: 'Ready for a prompt: the same bytes for the same memories.' }),
      tokens: z.number(),
      count: z.number(),
      left_out: z.number().openapi({ description: 'Memories that found no room.' }),
    }),
  ),
})

export function profileRoutes({ profiles }: { profiles: Profiles }) {
  return router().openapi(get, async (c) => {
    const { user_id, token_budget = 800, max_per_topic = 15, ...query } = c.req.valid('query')
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
    const list = (placed: readonly Placed[]) =>
      placed.map((one) => ({ ...shown(one, user_id), topic: one.topic, sub_topic: one.subTopic }))
    return c.json(
      {
        topics: nested(profile.kept, user_id),
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

/** Memories in the order of the profile stand together by topic and sub-topic. */
function nested(kept: readonly Placed[], userId: string) {
  type Slot = { sub_topic: string | null; memories: ReturnType<typeof shown>[] }
  const topics: { topic: string; sub_topics: Slot[] }[] = []
  for (const [i, one] of kept.entries()) {
    const before = kept[i - 1]
    if (before?.key !== one.key) topics.push({ topic: one.topic, sub_topics: [] })
    const subTopics = topics.at(-1)?.sub_topics as Slot[]
    if (before?.key !== one.key || before.subKey !== one.subKey)
      subTopics.push({ sub_topic: one.subTopic, memories: [] })
    subTopics.at(-1)?.memories.push(shown(one, userId))
  }
  return topics
}

function shown({ memory }: Placed, userId: string) {
  const { id, memory: text, importance, at, event_date } = toView(memory, userId)
  return { id, memory: text, importance, at, event_date }
}
