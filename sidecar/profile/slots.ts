import type { Memory } from '../memory/memory.ts'
import { fold, OTHER } from '../memory/model/topics.ts'

/** Where a person's own words go that no model has sorted. */
export const SAID = 'said'

/** The topics of an app, in the order in which a profile shows them. */
export type Schema = readonly { name: string; sub_topics?: readonly string[] | undefined }[]

/** A memory in its slot. */
export interface Placed {
  memory: Memory
  topic: string
  subTopic: string | null
  /** The same for every spelling of the topic, and of the sub-topic. */
  key: string
  subKey: string
  /** Epoch milliseconds at which it was said last. */
  saidAt: number
  /** Where it stands in the profile, part by part. */
  place: readonly (number | string)[]
}

/**
 * Puts memories into slots: those of the schema in its order, then topics that it does not have by name, then
 * `other`, then `said`. Within a slot they stand in the order in which they were first noted.
 */
export function placing(schema: Schema): (memory: Memory) => Placed {
  const known = new Map(
    schema.map(({ name, sub_topics = [] }, rank) => {
      const subRanks = new Map(sub_topics.map((subTopic, i) => [fold(subTopic), { name: subTopic, rank: i }]))
      return [fold(name), { name, rank, subRanks }]
    }),
  )
  const last = new Map([OTHER, SAID].map((name, i) => [name, known.size + 1 + i]))
  return (memory) => {
    const given = memory.topic ?? (memory.kind === 'verbatim' ? SAID : OTHER)
    const [written, key] = fold(given) === '' ? [OTHER, fold(OTHER)] : [given, fold(given)]
    const own = known.get(key)
    const subKey = fold(memory.sub_topic ?? '')
    const ownSub = own?.subRanks.get(subKey)
    const subTopic = subKey === '' ? null : (ownSub?.name ?? memory.sub_topic)
    const subRank = subTopic === null ? Number.MAX_SAFE_INTEGER : (ownSub?.rank ?? own?.subRanks.size ?? 0)
    return {
      memory,
      topic: own?.name ?? written,
      subTopic,
      key,
      subKey,
      saidAt: memory.sources.reduce(
        (latest, { at }) => Math.max(latest, at),
        memory.sources[0]?.at ?? memory.created_at,
      ),
      place: [own?.rank ?? last.get(key) ?? known.size, key, subRank, subKey, memory.order, memory.id],
    }
  }
}

/** The order of a profile. */
export function inPlace(a: Placed, b: Placed): number {
  for (const [i, mine] of a.place.entries()) {
    const theirs = b.place[i] as number | string
    if (mine !== theirs) return mine < theirs ? -1 : 1
  }
  return 0
}
