import { z } from 'zod'
import type { StoredRecord } from '../../ports/records.ts'
import { derivedId } from '../model/scope.ts'
import { parsePayload } from '../repositories/payload.ts'
import { type AppRules, DEFAULT_RULES } from './rules.ts'

/** The rules of an app, or of a namespace for all of its apps, at one point in time. */
export interface RulesVersion {
  /** From 1, without gaps. */
  version: number
  /** `null`: this version removed the rules. */
  rules: AppRules | null
  /** Epoch milliseconds. */
  updatedAt: number
}

const names = z.array(z.string())
const setting = z.number().nullable().default(null)

/**
 * Checks types only: stored rules stay in force even if this release would reject them. Fields that a later release
 * added get their defaults.
 */
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
  flush: z
    .object({ tokens: setting, turns: setting, idle_s: setting, window_ahead: setting })
    .default(DEFAULT_RULES.flush),
})

const storedVersion = z.object({
  version: z.number(),
  rules: storedRules.nullable(),
  updatedAt: z.number(),
})

/** @throws {AppError} for an invalid payload */
export function readRulesVersion(record: StoredRecord): RulesVersion {
  return parsePayload('rules', record, storedVersion)
}

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
