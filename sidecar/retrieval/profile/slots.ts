import { firstSaidAt, type Memory } from '../../memory/model/memory.ts'
import { fold, OTHER } from '../../memory/model/topics.ts'
import { type LocalTime, toLocalDate } from '../../text/local-time.ts'

/** Topic of verbatim statements that no model has sorted. */
export const SAID = 'said'

/** The topics of an app, in the order in which a profile lists them. */
export type Schema = readonly { name: string; sub_topics?: readonly string[] | undefined }[]

/** A memory with its position in the profile. */
export interface SlottedMemory {
  memory: Memory
  topic: string
  subTopic: string | null
  /** Normalised topic: the same for every spelling. */
  key: string
  /** Normalised sub-topic. */
  subKey: string
  /** Latest time it was said, epoch milliseconds. */
  saidAt: number
  /** The local date of that time, `YYYY-MM-DD`. */
  saidOn: string
  /** Sort key: compared element by element. */
  place: readonly (number | string)[]
}

/**
 * Returns a function that assigns memories to slots: first the topics of the schema in its order, then other topics
 * by name, then `other`, then `said`. Memories of one slot are sorted by the time they were first recorded.
 */
export function createSlotter(schema: Schema): (memory: Memory) => SlottedMemory {
  const known = new Map(
    schema.map(({ name, sub_topics = [] }, rank) => {
      const subTopics = new Map(
        sub_topics.map((subTopic, i) => [fold(subTopic), { name: subTopic, rank: i }]),
      )
      return [fold(name), { name, rank, subTopics }]
    }),
  )
  const lastRanks = new Map([OTHER, SAID].map((name, i) => [name, known.size + 1 + i]))
  return (memory) => {
    const given = memory.topic ?? (memory.kind === 'verbatim' ? SAID : OTHER)
    const [written, key] = fold(given) === '' ? [OTHER, fold(OTHER)] : [given, fold(given)]
    const topic = known.get(key)
    const subKey = fold(memory.sub_topic ?? '')
    const knownSubTopic = topic?.subTopics.get(subKey)
    const subTopic = subKey === '' ? null : (knownSubTopic?.name ?? memory.sub_topic)
    const subRank =
      subTopic === null ? Number.MAX_SAFE_INTEGER : (knownSubTopic?.rank ?? topic?.subTopics.size ?? 0)
    const rank = topic?.rank ?? lastRanks.get(key) ?? known.size
    const latest = memory.sources.reduce<LocalTime>((a, b) => (b.at > a.at ? b : a), firstSaidAt(memory))
    return {
      memory,
      topic: topic?.name ?? written,
      subTopic,
      key,
      subKey,
      saidAt: latest.at,
      saidOn: toLocalDate(latest),
      place: [rank, key, subRank, subKey, memory.order, memory.id],
    }
  }
}

export function compareSlots(a: SlottedMemory, b: SlottedMemory): number {
  for (let i = 0; i < a.place.length; i++) {
    const left = a.place[i] as number | string
    const right = b.place[i] as number | string
    if (left !== right) return left < right ? -1 : 1
  }
  return 0
}
