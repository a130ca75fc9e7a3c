import type { z } from 'zod'
import { isListed, OTHER } from '../memory/model/topics.ts'
import { ANY, MAX_NAMES, type Topics } from './fields.ts'

/** Of all topics together: they go with every request to the model. */
const MAX_TOPICS_TEXT = 8000

interface Fields {
  include_topics: string[]
  exclude_topics: string[]
  topics: Topics
  retention_days: Record<string, number>
}

/**
 * Adds an issue for what is right by itself and makes no sense together: such rules would do nothing, or the
 * opposite of what they say, in silence.
 * @param defaultTopics those that are meant when `topics` is empty
 */
export function refuseContradictions(rules: Fields, defaultTopics: Topics, context: z.RefinementCtx): void {
  const refuse = (path: PropertyKey[], message: string) => context.addIssue({ code: 'custom', path, message })
  const { topics, include_topics, exclude_topics, retention_days } = rules
  const own = topics.map((one) => one.name)
  const listed = [...(own.length > 0 ? own : defaultTopics.map((one) => one.name)), OTHER]

  const text = topics.flatMap((one) => [one.name, one.description ?? '', ...(one.sub_topics ?? [])]).join('')
  if (text.length > MAX_TOPICS_TEXT)
    refuse(['topics'], `expected at most ${MAX_TOPICS_TEXT} characters in all topics together`)
  for (const [i, one] of own.entries())
    if (isListed(one, own.slice(0, i))) refuse(['topics', i, 'name'], 'expected each topic once')

  const unknown = `expected one of the topics (${clipList(listed)})`
  for (const [i, one] of include_topics.entries()) {
    // Nothing is ever of a topic that is not listed: nothing would be kept.
    if (!isListed(one, listed)) refuse(['include_topics', i], unknown)
  }
  for (const [i, one] of exclude_topics.entries()) {
    if (isListed(one, include_topics))
      refuse(['exclude_topics', i], 'expected a topic that is not in include_topics too')
    else if (own.length > 0 && !isListed(one, listed)) refuse(['exclude_topics', i], unknown)
  }
  const keys = Object.keys(retention_days).filter((key) => key !== ANY)
  for (const [i, key] of keys.entries()) {
    if (isListed(key, keys.slice(0, i))) refuse(['retention_days', key], 'expected each topic once')
    else if (own.length > 0 && !isListed(key, listed))
      refuse(['retention_days', key], `${unknown} or "${ANY}"`)
  }
  if (keys.length > MAX_NAMES) refuse(['retention_days'], `expected at most ${MAX_NAMES} topics`)
}

function clipList(list: readonly string[]): string {
  return list.length <= 16 ? list.join(', ') : `${list.slice(0, 16).join(', ')} and ${list.length - 16} more`
}
