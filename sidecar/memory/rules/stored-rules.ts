import { z } from 'zod'
import { REDACTED_KINDS } from '../../text/cleaning/redact.ts'
import { derivedId } from '../model/scope.ts'
import { recordsOf } from '../repositories/record.ts'
import { DEFAULT_RULES } from './rules.ts'

const names = z.array(z.string())
const setting = z.number().nullable().default(null)

/** Checks types only, so that rules stay in force even if this release would reject them. */
const storedRules = z.object({
  remember: z.enum(['user', 'assistant', 'both']).default(DEFAULT_RULES.remember),
  custom_instructions: z.string().default(DEFAULT_RULES.custom_instructions),
  include_topics: names.default([]),
  exclude_topics: names.default([]),
  topics: z
    .array(z.object({ name: z.string(), description: z.string().optional(), sub_topics: names.optional() }))
    .default([]),
  retention_days: z.record(z.string(), z.number()).default({}),
  run_retention_days: z.number().nullable().default(DEFAULT_RULES.run_retention_days),
  time_zone: z.string().default(DEFAULT_RULES.time_zone),
  redact: z.array(z.enum(REDACTED_KINDS)).default([]),
  flush: z
    .object({ tokens: setting, turns: setting, idle_s: setting, window_ahead: setting })
    .default(DEFAULT_RULES.flush),
})

/** The rules of an app, or of a namespace for all of its apps, at one point in time. */
const storedVersion = z.object({
  /** From 1, without gaps. */
  version: z.number(),
  /** `null`: this version removed the rules. */
  rules: storedRules.nullable(),
  /** Epoch milliseconds. */
  updatedAt: z.number(),
})
export type RulesVersion = z.output<typeof storedVersion>

export const rulesVersions = recordsOf('rules', storedVersion)

/** Rules have the empty user id, which no user can have. */
export function rulesScope(namespace: string): string {
  return `${encodeURIComponent(namespace)}/`
}

export function recordId(appId: string | null, version?: number): string {
  return derivedId(
    'rules',
    ...(appId === null ? [] : [appId]),
    version === undefined ? 'current' : String(version),
  )
}
