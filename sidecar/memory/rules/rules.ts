import { z } from 'zod'
import { REDACTED_KINDS } from '../../text/cleaning/redact.ts'
import { DEFAULT_TOPICS, isListed } from '../model/topics.ts'
import { reportContradictions } from './contradictions.ts'
import { ANY, days, flush, MAX_NAMES, names, retention, type Topics, timeZone, topic } from './fields.ts'

const MAX_INSTRUCTIONS = 2000

const DEFAULT_RUN_DAYS = 30

/**
 * What to remember for an app and for how long, as sent and as stored. Every field has a default. Topic names are
 * normalised before they are compared, as in the extraction: `Basic Info` equals `basic_info`.
 */
export const appRules = z
  .strictObject({
    /** Whose messages become memories. */
    remember: z.enum(['user', 'assistant', 'both']).default('both'),
    /** Appended to the extraction prompt. */
    custom_instructions: z
      .string()
      .max(MAX_INSTRUCTIONS, { error: `expected at most ${MAX_INSTRUCTIONS} characters` })
      .refine((text) => text.isWellFormed(), { error: 'expected well-formed Unicode' })
      .default(''),
    /** If not empty, only facts of these topics are kept. */
    include_topics: names.default([]),
    /** Facts of these topics are discarded. */
    exclude_topics: names.default([]),
    /** Topics of facts, in addition to `other`; if empty, the default topics. */
    topics: z
      .array(topic)
      .max(MAX_NAMES, { error: `expected at most ${MAX_NAMES} topics` })
      .default([]),
    /** Days to keep the facts of a topic; `*` applies to all topics that are not named. */
    retention_days: retention.default({}),
    /** Maximum days to keep memories of a run; `null` for no limit. */
    run_retention_days: days.nullable().default(DEFAULT_RUN_DAYS),
    /** Decides the local date of messages without a UTC offset, and of relative dates in queries. */
    time_zone: timeZone,
    /** What is removed from every text before it is stored. */
    redact: z
      .array(
        z.enum(REDACTED_KINDS, {
          error: `expected one of ${REDACTED_KINDS.map((kind) => `"${kind}"`).join(', ')}`,
        }),
        { error: 'expected a list of kinds' },
      )
      .max(REDACTED_KINDS.length, { error: 'expected each kind once' })
      .default([]),
    /** Triggers of a flush; `null` means the setting of the sidecar. */
    flush: flush.prefault({}),
  })
  .transform((rules) => (isDefault(rules.topics) ? { ...rules, topics: [] } : rules))
  .superRefine((rules, context) => reportContradictions(rules, DEFAULT_TOPICS, context))

export type AppRules = z.output<typeof appRules>

export const DEFAULT_RULES: AppRules = appRules.parse({})

/** Replaces an empty list of topics by the default topics. `appRules` maps the result back to the same rules. */
export function withDefaultTopics(rules: AppRules): AppRules {
  return rules.topics.length > 0 ? rules : { ...rules, topics: structuredClone(DEFAULT_TOPICS) }
}

/** When a memory said at `at` expires, epoch milliseconds; `null` for never. Of topic and run, the shorter applies. */
export function expiryOf(
  rules: AppRules,
  topic: string | null,
  at: number,
  runId?: string | null,
): number | null {
  const entries = Object.entries(rules.retention_days)
  const own = topic === null ? undefined : entries.find(([name]) => isListed(topic, [name]))
  const topicDays = (own ?? entries.find(([name]) => name === ANY))?.[1]
  const runDays = (runId ?? null) === null ? null : rules.run_retention_days
  const days = Math.min(topicDays ?? Infinity, runDays ?? Infinity)
  return days === Infinity ? null : at + days * 86_400_000
}

/** Clients may send back the default topics that a response contained; these are not topics of the app. */
function isDefault(topics: Topics): boolean {
  const canonical = (list: Topics) =>
    JSON.stringify(list.map(({ name, description, sub_topics }) => [name, description, sub_topics]))
  return canonical(topics) === canonical(DEFAULT_TOPICS)
}
