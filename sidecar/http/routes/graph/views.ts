import { z } from '@hono/zod-openapi'
import { weightOf } from '../../../memory/graph/knowledge.ts'
import type { Entity, Relation } from '../../../memory/graph/types.ts'
import { toLocalIso } from '../../../text/local-time.ts'
import { roundTo, toIso } from '../../shared/values.ts'

export const entityView = z.object({
  id: z.string(),
  name: z.string(),
  type: z.string().describe('Such as person, place, organisation, animal; name if it is not known.'),
  aliases: z.array(
    z.object({
      name: z.string(),
      reason: z
        .enum(['same_name', 'role', 'similar', 'stated'])
        .describe(
          'same_name: differs in case, accents or title. role: such as "user\'s sister". similar: by embedding; can be taken back. stated: a memory says so.',
        ),
      score: z.number().optional(),
    }),
  ),
  count: z.number().describe('How often memories mention it.'),
  weight: z.number().describe('Mentions, each halved for every 30 days since.'),
  first_seen: z.string(),
  last_seen: z.string(),
})

export function toEntityView(entity: Entity, now: number) {
  const { id, name, type, aliases, mentions, firstSeen, lastSeen } = entity
  return {
    ...{ id, name, type },
    aliases: aliases.map(({ score, ...alias }) => ({ ...alias, ...(score !== undefined && { score }) })),
    count: mentions.length,
    // Old mentions weigh little; the order must stay visible.
    weight: roundTo(weightOf(entity, now), 9),
    first_seen: toIso(firstSeen),
    last_seen: toIso(lastSeen),
  }
}

export const relationView = z.object({
  id: z.string(),
  subject: z.string().describe('Id of an entity.'),
  label: z.string(),
  object: z.string().describe('Id of an entity.'),
  confidence: z.number(),
  valid_from: z.string(),
  valid_until: z.string().nullable().describe('null while it holds.'),
  recorded_at: z.string(),
  ended: z
    .object({
      reason: z
        .enum(['replaced', 'memory_changed', 'memory_ended'])
        .describe('replaced: by a later relation. The other two: its memory was replaced, or has ended.'),
      relation: z.string().optional().describe('The relation that replaced it.'),
      turn_id: z.string().optional(),
    })
    .nullable(),
  memories: z.array(z.string()),
  sources: z.array(
    z.object({
      conversation_id: z.string().nullable(),
      turn: z.number().nullable(),
      turn_id: z.string(),
      at: z.string(),
    }),
  ),
})

export function toRelationView(relation: Relation) {
  const { id, subject, label, object, confidence, validFrom, validUntil, recordedAt, ended } = relation
  return {
    ...{ id, subject, label, object, confidence },
    valid_from: toIso(validFrom),
    valid_until: toIso(validUntil),
    recorded_at: toIso(recordedAt),
    ended: ended
      ? {
          reason: ended.reason,
          ...(ended.relation !== undefined && { relation: ended.relation }),
          ...(ended.turnId !== undefined && { turn_id: ended.turnId }),
        }
      : null,
    memories: relation.memoryIds,
    sources: relation.sources.map((source) => ({
      conversation_id: source.conversation_id,
      turn: source.turn,
      turn_id: source.turn_id,
      at: toLocalIso(source),
    })),
  }
}

export const isPartial = z
  .boolean()
  .describe('Whether entities or old memories were left out because of a limit.')
