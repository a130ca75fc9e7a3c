import type { z } from 'zod'
import { isListed, OTHER } from '../model/topics.ts'
import { ANY, MAX_NAMES, type Topics } from './fields.ts'

/** Characters of all topics together, because every extraction prompt contains them. */
const MAX_TOPICS_TEXT = 8000
const MAX_LISTED = 16

interface Fields {
  include_topics: string[]
  exclude_topics: string[]
  topics: Topics
  retention_days: Record<string, number>
}

/** Adds an issue for each contradiction between fields: such rules would silently have no effect, or the opposite. */
export function reportContradictions(rules: Fields, defaultTopics: Topics, context: z.RefinementCtx): void {
  const report = (path: PropertyKey[], message: string) => context.addIssue({ code: 'custom', path, message })
  const { topics, include_topics, exclude_topics, retention_days } = rules
  const own = topics.map(({ name }) => name)
  const allowed = [...(own.length > 0 ? own : defaultTopics.map(({ name }) => name)), OTHER]

  const length = topics
    .flatMap(({ name, description = '', sub_topics = [] }) => [name, description, ...sub_topics])
    .join('').length
  if (length > MAX_TOPICS_TEXT)
    report(['topics'], `expected at most ${MAX_TOPICS_TEXT} characters in all topics together`)
  for (const [i, name] of own.entries())
    if (isListed(name, own.slice(0, i))) report(['topics', i, 'name'], 'expected each topic once')

  const unknown = `expected one of the topics (${joinNames(allowed)})`
  for (const [i, name] of include_topics.entries()) {
    // The extraction never assigns an unlisted topic, so nothing would be kept.
    if (!isListed(name, allowed)) report(['include_topics', i], unknown)
  }
  for (const [i, name] of exclude_topics.entries()) {
    if (isListed(name, include_topics))
      report(['exclude_topics', i], 'expected a topic that is not in include_topics')
    else if (own.length > 0 && !isListed(name, allowed)) report(['exclude_topics', i], unknown)
  }
  const names = Object.keys(retention_days).filter((name) => name !== ANY)
  for (const [i, name] of names.entries()) {
    if (isListed(name, names.slice(0, i))) report(['retention_days', name], 'expected each topic once')
    else if (own.length > 0 && !isListed(name, allowed))
      report(['retention_days', name], `${unknown} or "${ANY}"`)
  }
  if (names.length > MAX_NAMES) report(['retention_days'], `expected at most ${MAX_NAMES} topics`)
}

function joinNames(names: readonly string[]): string {
  return names.length <= MAX_LISTED
    ? names.join(', ')
    : `${names.slice(0, MAX_LISTED).join(', ')} and ${names.length - MAX_LISTED} more`
}
