import { z } from 'zod'
import { DEFAULT_TOPICS, isListed } from '../memory/model/topics.ts'
import { refuseContradictions } from './contradictions.ts'
import { ANY, days, flush, MAX_NAMES, names, retention, type Topics, topic } from './fields.ts'

const MAX_INSTRUCTIONS = 2000

/** What a run or task needs to know is of no use long after it. */
const DEFAULT_RUN_DAYS = 30

/** The default topics as rules have them. */
const SPELLED_OUT: Topics = DEFAULT_TOPICS.map(({ name, description, subTopics }) => ({
  name,
  ...(description === undefined ? {} : { description }),
  ...(subTopics === undefined ? {} : { sub_topics: [...subTopics] }),
}))

/**
 * What an app wants remembered, and for how long, as it is given and stored. Every field has a default that means: no
 * such rule. Names of topics are compared as the extraction does: `Basic Info` is `basic_info`.
 */
export const appRules = z
  .strictObject({
    /** Whose words become memories. */
    remember: z.enum(['user', 'assistant', 'both']).default('both'),
    /** The author's own words to the model that extracts facts. */
    custom_instructions: z
      .string()
      .max(MAX_INSTRUCTIONS, { error: `expected at most ${MAX_INSTRUCTIONS} characters` })
      .refine((text) => text.isWellFormed(), { error: 'expected well-formed Unicode' })
      .default(''),
    /** When not empty, only facts of these topics are kept. */
    include_topics: names.default([]),
    /** Facts of these topics are not kept. */
    exclude_topics: names.default([]),
    /** The topics that facts are sorted into, besides `other`; when empty, the default ones. */
    topics: z
      .array(topic)
      .max(MAX_NAMES, { error: `expected at most ${MAX_NAMES} topics` })
      .default([]),
    /** Days that the facts of a topic are kept; `*` is for topics that are not named. */
    retention_days: retention.default({}),
    /** Days that what belongs to a run is kept, at the most; `null` is no such limit. */
    run_retention_days: days.nullable().default(DEFAULT_RUN_DAYS),
    /** When waiting turns are learned from; what is `null` is as the sidecar is set. */
    flush: flush.prefault({}),
  })
  .transform((rules) => (isDefault(rules.topics) ? { ...rules, topics: [] } : rules))
  .superRefine((rules, context) => refuseContradictions(rules, SPELLED_OUT, context))

export type AppRules = z.output<typeof appRules>

export const DEFAULT_RULES: AppRules = appRules.parse({})

/** The rules with the topics that are meant when none are given. Taken for `appRules`, they are the same rules. */
export function spelledOut(rules: AppRules): AppRules {
  return rules.topics.length > 0 ? rules : { ...rules, topics: structuredClone(SPELLED_OUT) }
}

/**
 * When a memory of a topic, said at `at`, expires; `null` for never. Epoch milliseconds. What belongs to a run has the
 * shorter of two lives: its topic's and the run's.
 */
export function expiryOf(
  rules: AppRules,
  topic: string | null,
  at: number,
  runId?: string | null,
): number | null {
  const entries = Object.entries(rules.retention_days)
  const own = topic === null ? undefined : entries.find(([name]) => isListed(topic, [name]))
  const ofTopic = (own ?? entries.find(([name]) => name === ANY))?.[1]
  const ofRun = (runId ?? null) === null ? null : rules.run_retention_days
  const shorter = Math.min(ofTopic ?? Number.POSITIVE_INFINITY, ofRun ?? Number.POSITIVE_INFINITY)
  return shorter === Number.POSITIVE_INFINITY ? null : at + shorter * 86_400_000
}

/** What an answer has spelled out may come back, and is no list of the app's own then. */
function isDefault(topics: Topics): boolean {
  const canonical = (list: Topics) =>
    JSON.stringify(list.map(({ name, description, sub_topics }) => [name, description, sub_topics]))
  return canonical(topics) === canonical(SPELLED_OUT)
}
