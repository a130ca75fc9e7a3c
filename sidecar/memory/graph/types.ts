import type { Source } from '../model/memory.ts'

/** A named thing of a user. */
export interface Entity {
  id: string
  /** The name that is used most. */
  name: string
  type: string
  /** Other names, with why they are names of it. */
  aliases: Alias[]
  /** Memories that mention it, oldest first. */
  mentions: { memoryId: string; at: number; turn: number | null; conversationId: string | null }[]
  firstSeen: number
  lastSeen: number
}

export interface Alias {
  name: string
  /** `same_name`: differs in case, accents or title. `role`: "my sister". `similar`: found by embedding. */
  reason: 'same_name' | 'role' | 'similar' | 'stated'
  score?: number | undefined
}

/** A directed relation between two entities, during one time. */
export interface Relation {
  id: string
  /** Ids of entities. */
  subject: string
  label: string
  object: string
  confidence: number
  /** Epoch milliseconds. */
  validFrom: number
  /** Exclusive; `null` while it holds. */
  validUntil: number | null
  recordedAt: number
  memoryIds: string[]
  sources: Source[]
  /** Why and by which statement it ended. */
  ended?:
    | { reason: 'replaced' | 'memory_changed' | 'memory_ended'; relation?: string; turnId?: string }
    | undefined
}

/** What is known of the named things of a user. */
export interface Graph {
  entities: ReadonlyMap<string, Entity>
  /** Oldest first. */
  relations: readonly Relation[]
  /** The speaker, if there are relations of them. */
  self: string
  /** The entity of a name. */
  find(name: string, type?: string): Entity | undefined
}
