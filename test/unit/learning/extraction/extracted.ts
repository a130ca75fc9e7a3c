import { extract } from '../../../../sidecar/learning/extraction/extract.ts'
import type {
  ExtractionOutcome,
  ExtractionRules,
  Fact,
} from '../../../../sidecar/learning/extraction/types.ts'
import { batchOf, type Talk } from '../../../helpers/learning/extraction/corpus/talk.ts'
import { modelSaying, type Said } from './fake-model.ts'

export const account = { scope: 'test/ana', conversationId: 'c1', turn: 2 }

/** Extracts from a talk with a model that gives these answers in turn. */
export async function extracted(talk: Talk, said: Said[], rules: Partial<ExtractionRules> = {}) {
  const model = modelSaying(...said)
  const outcome = await extract(batchOf(talk, rules), { model, account })
  return { outcome, requests: model.requests }
}

export function factsIn(outcome: ExtractionOutcome): Fact[] {
  if (outcome.status !== 'read') throw new Error(`unreadable: ${outcome.reason}`)
  return outcome.extraction.facts
}
