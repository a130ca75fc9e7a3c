import { z } from 'zod'

const name = z.string().trim().min(1, { error: 'expected a name that is not empty' }).max(64)
const names = z.array(name).max(64, { error: 'expected at most 64 names' })
const days = z
  .int({ error: 'expected a whole number of days' })
  .min(1, { error: 'expected a whole number of days from 1 to 36500' })
  .max(36_500, { error: 'expected a whole number of days from 1 to 36500' })

/** What an app wants remembered, and for how long. Every field has a default that means: no such rule. */
export const appRules = z.strictObject({
  /** Whose words become memories. */
  remember: z.enum(['user', 'assistant', 'both']).default('both'),
  /** The author's own words to the model that extracts facts. */
  custom_instructions: z.string().max(2000, { error: 'expected at most 2000 characters' }).default(''),
  /** When not empty, only facts of these topics are kept. */
  include_topics: names.default([]),
  /** Facts of these topics are not kept. */
  exclude_topics: names.default([]),
  /** Topics and their sub-topics; when empty, the default ones. */
  topics: z
    .array(
      z.strictObject({
        name,
        description: z.string().max(200).optional(),
        sub_topics: names.optional(),
      }),
    )
    .max(64, { error: 'expected at most 64 topics' })
    .default([])
    .refine((topics) => new Set(topics.map((topic) => topic.name.toLowerCase())).size === topics.length, {
      error: 'expected each topic once',
    }),
  /** Days that the facts of a topic are kept; `*` is for topics that are not named. */
  retention_days: z.record(name, days).default({}),
})

export type AppRules = z.infer<typeof appRules>

export const DEFAULT_RULES: AppRules = appRules.parse({})

/** When a memory of a topic, said at `at`, expires; `null` for never. */
export function expiryOf(rules: AppRules, topic: string | null, at: number): number | null {
  const days = (topic === null ? undefined : rules.retention_days[topic]) ?? rules.retention_days['*']
  return days === undefined ? null : at + days * 86_400_000
}
