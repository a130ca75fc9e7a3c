import type { Completion } from '../../ports/language-model.ts'
import { offloaded, totalLength } from '../../text/workers/worker-pool.ts'
import { type CheckedAnswer, checkAnswer } from './check.ts'
import type { NumberedMessage } from './messages.ts'
import { readAnswer } from './read-answer.ts'
import type { ExtractionBatch } from './types.ts'

interface JudgeInput {
  /** The text of the completion. */
  written: string
  finish: Completion['finish']
  batch: ExtractionBatch
  numbered: readonly NumberedMessage[]
}

/** `isFinal`: asking again would give the same answer. */
export type Answer = CheckedAnswer & { isFinal?: boolean }

/** Reads an answer and checks it against the batch. */
export function judgeAnswer({ written, finish, batch, numbered }: JudgeInput): Answer {
  const isRefused = finish === 'refused'
  if (isRefused && written.trim() === '')
    return { reason: 'refused', detail: 'the endpoint declined the content', isFinal: true }
  const answer = readAnswer(written, finish === 'length')
  if (!('reason' in answer)) return checkAnswer(answer, batch, numbered)
  const reason = isRefused ? 'refused' : answer.reason
  const checked = answer.partial && checkAnswer(answer.partial, batch, numbered)
  const partial = checked && 'extraction' in checked ? checked.extraction : undefined
  return { reason, detail: answer.detail, isFinal: isRefused, partial }
}

/** `judgeAnswer`, in a worker thread when there is much text. */
export const judge = offloaded(
  import.meta.url,
  judgeAnswer,
  ({ written, numbered }) => written.length + totalLength(numbered.map(({ text }) => text)),
)
