import { z } from 'zod'
import { findMentions } from '../../text/relations/mentions.ts'
import { findRelations, isRole, SELF } from '../../text/relations/relations.ts'
import type { Time } from './fields.ts'

/** A named thing in a memory. */
const mentionFields = <T extends Time>(time: T) => ({
  name: z.string(),
  /** Such as `person`, `place`, `organisation`; `name` where it is not known. */
  type: z.string(),
  /** The entity that resolution found it to be; `undone_at`: this was taken back. */
  same_as: z.object({ name: z.string(), score: z.number(), at: time, undone_at: time.optional() }).optional(),
})
const storedMention = z.object(mentionFields(z.number()))
export type Mention = z.output<typeof storedMention>

/** A directed relation between two names; the name `user` is the speaker. */
const relationFields = <T extends Time>(time: T) => ({
  subject: z.string(),
  label: z.string(),
  object: z.string(),
  object_type: z.string(),
  /** 0 to 1. */
  confidence: z.number(),
  /** Since when it holds, `YYYY`, `YYYY-MM` or `YYYY-MM-DD`; absent: since it was said. */
  since: z.string().optional(),
  /** Stated as one of several ("I also work at"): it replaces none. */
  is_additional: z.literal(true).optional(),
  recorded_at: time,
  /** Restored by hand after it was found to be replaced. */
  restored_at: time.optional(),
})
const storedRelation = z.object(relationFields(z.number()))
export type StoredRelation = z.output<typeof storedRelation>

/**
 * What a memory contributes to the graph. It is part of the memory, so a deleted, replaced or restored memory takes its
 * entities and relations along in the same commit.
 */
export const graphFields = <T extends Time>(time: T) => ({
  mentions: z.array(z.looseObject(mentionFields(time))).optional(),
  relations: z.array(z.looseObject(relationFields(time))).optional(),
})

export interface MemoryGraph {
  mentions?: Mention[] | undefined
  relations?: StoredRelation[] | undefined
}

/** Removes what an earlier text stated. */
export const NO_GRAPH = { mentions: undefined, relations: undefined }

/** Confidence of a relation that a pattern found: its precision on sentences that it was not written for. */
const PATTERN_CONFIDENCE = 0.95

/**
 * What a text states explicitly. Statements of the assistant are no relations of the user. A document (of the role
 * `system`, with its title as speaker) states relations between named persons and things, but has no "I".
 */
export function graphOfText(
  { text, role, speaker }: { text: string; role: string; speaker: string },
  now: number,
): MemoryGraph {
  const isOfPerson = role === 'user' || speaker !== role
  const isOfDocument = role === 'system'
  const stated = (isOfPerson ? findRelations(text) : []).filter(
    ({ subject, object }) =>
      !(isOfDocument && [subject, object].some((name) => name === SELF || isRole(name))),
  )
  const relations = stated.map(
    ({ subject, label, object, objectType, isAdditional }): StoredRelation => ({
      ...{ subject, label, object, object_type: objectType },
      ...(isAdditional && { is_additional: true }),
      confidence: PATTERN_CONFIDENCE,
      recorded_at: now,
    }),
  )
  return toMemoryGraph(findMentions(text), relations)
}

/** Empty lists are left out, so that the record of a memory without names stays as it was. */
export function toMemoryGraph(mentions: Mention[], relations: StoredRelation[]): MemoryGraph {
  return {
    ...(mentions.length > 0 && { mentions }),
    ...(relations.length > 0 && { relations }),
  }
}

/** What both state, each once; the first one's record of the same statement is kept. */
export function joinGraphs(one: MemoryGraph, other: MemoryGraph): MemoryGraph {
  const mentions = new Map(
    [...(other.mentions ?? []), ...(one.mentions ?? [])].map((mention) => [mention.name, mention]),
  )
  const keyOf = ({ subject, label, object }: StoredRelation) => JSON.stringify([subject, label, object])
  const relations = new Map(
    [...(other.relations ?? []), ...(one.relations ?? [])].map((relation) => [keyOf(relation), relation]),
  )
  return toMemoryGraph([...mentions.values()], [...relations.values()])
}
