import { OTHER, topicsOf } from '../../memory/model/topics.ts'
import type { ExtractionRules } from './types.ts'

/**
 * JSON Schema of the answer, in the subset that strict structured output supports: every property required, no
 * additional properties, no bounds. Facts come first and the summary last, so that truncation loses as little as possible.
 */
export function answerSchema(rules: ExtractionRules): {
  name: string
  schema: Readonly<Record<string, unknown>>
} {
  const topics = [...new Set([...topicsOf(rules).map(({ name }) => name), OTHER])]
  const event_date = { type: ['string', 'null'], description: 'YYYY, YYYY-MM or YYYY-MM-DD' }
  const messages = list({ type: 'integer' })
  return {
    name: 'memory',
    schema: object({
      facts: list(
        object({
          text: TEXT,
          topic: { type: 'string', enum: topics },
          sub_topic: TEXT,
          messages,
          importance: { type: 'integer', enum: [1, 2, 3, 4, 5] },
          event_date,
        }),
      ),
      entities: list(object({ name: TEXT, type: TEXT })),
      relations: list(object({ subject: TEXT, predicate: TEXT, object: TEXT, messages, event_date })),
      summary: TEXT,
    }),
  }
}

const TEXT = { type: 'string' }

function list(items: object): object {
  return { type: 'array', items }
}

function object(properties: Record<string, object>): Readonly<Record<string, unknown>> {
  return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false }
}
