import defaultTopics from '../../text/data/default-topics.json' with { type: 'json' }
import synonyms from '../../text/data/topic-synonyms.json' with { type: 'json' }
import { normalise } from '../../text/terms/normalise.ts'

export interface Topic {
  name: string
  description?: string | undefined
  sub_topics?: string[] | undefined
}

/** The topic of facts that fit no topic of the schema. */
export const OTHER = 'other'

/** The topics that facts are assigned to unless an app defines its own. */
export const DEFAULT_TOPICS: Topic[] = defaultTopics

/** The schema of an app: its own topics, or the default ones. */
export function topicsOf(rules: { topics: readonly Topic[] }): readonly Topic[] {
  return rules.topics.length > 0 ? rules.topics : DEFAULT_TOPICS
}

/** Maps a topic as a model wrote it to a topic of the schema, and to a sub-topic if the model named one. */
export type FindTopic = (written: string) => { topic: string; subTopic?: string }

/** Creates a lookup for the topics of a schema. */
export function topicFinder(topics: readonly Topic[]): FindTopic {
  const byName = new Map<string, { topic: string; subTopic?: string }>()
  const add = (key: string, found: { topic: string; subTopic?: string }) => {
    if (!byName.has(key)) byName.set(key, found)
  }
  add(fold(OTHER), { topic: OTHER })
  for (const { name } of topics) add(fold(name), { topic: name })
  for (const { name, sub_topics = [] } of topics)
    for (const subTopic of sub_topics) add(fold(subTopic), { topic: name, subTopic })
  // Names that models use for the default topics. An entry applies if the schema has its topic.
  for (const [name, words] of Object.entries(synonyms)) {
    const target = byName.get(fold(name))
    if (target) for (const word of words.split(' ')) add(fold(word), { topic: target.topic })
  }
  return (written) => {
    const key = fold(written)
    if (key === '') return { topic: OTHER }
    // "Work & Career" and "work/employer" contain a topic.
    const parts = () => written.split(/[\s/|,.:;>&、・／，]+|->|\band\b/u).map(fold)
    return byName.get(key) ?? nearest(parts(), byName) ?? nearest([stripped(key)], byName) ?? { topic: OTHER }
  }
}

/** Whether a list contains a topic, regardless of spelling. */
export function isListed(topic: string, list: readonly string[]): boolean {
  return list.some((one) => fold(one) === fold(topic))
}

function nearest<T>(keys: readonly string[], byName: ReadonlyMap<string, T>): T | undefined {
  for (const key of keys) {
    const found = byName.get(key) ?? byName.get(stripped(key)) ?? byName.get(`${key}s`)
    if (found) return found
  }
  return undefined
}

function stripped(key: string): string {
  return key.replace(/(?:info|information|details?|related|topic|s)$/u, '')
}

/** Gives `Basic Info`, `basic-info` and `BASIC_INFO` the same form. */
export function fold(name: string): string {
  return normalise(name).replace(/[^\p{L}\p{N}]+/gu, '')
}
