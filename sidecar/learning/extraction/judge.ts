import type { Completion } from '../../ports/language-model.ts'
import { offloaded, totalLength } from '../../text/workers/worker-pool.ts'
import { checkAnswer } from './check.ts'
import type { NumberedMessage } from './messages.ts'
import { readAnswer } from './read-answer.ts'
import type { Extraction, ExtractionBatch, UnreadableReason } from './types.ts'

export interface JudgeInput {
  /** The text of the completion. */
  written: string
  finish: Completion['finish']
  batch: ExtractionBatch
  /** The messages of the batch, numbered as in the prompt. */
  numbered: readonly NumberedMessage[]
}

export type Answer =
  | { extraction: Extraction; notes: string[]; isRepaired: boolean; warning: string | undefined }
  /** `isFinal`: asking again would give the same answer. */
  | { reason: UnreadableReason; detail: string; isFinal: boolean; partial?: Extraction | undefined }

/** Reads an answer and checks it against the batch. */
export function judgeAnswer({ written, finish, batch, numbered }: JudgeInput): Answer {
  const isRefused = finish === 'refused'
  if (isRefused && written.trim() === '')
    return { reason: 'refused', detail: 'the endpoint declined the content', isFinal: true }
  const answer = readAnswer(written, finish === 'length')
  if ('reason' in answer) {
    const reason = isRefused ? 'refused' : answer.reason
    const checked = answer.partial && checkAnswer(answer.partial, batch, numbered)
    const partial = checked && 'extraction' in checked ? checked.extraction : undefined
    return { reason, detail: answer.detail, isFinal: isRefused, partial }
  }
  const checked = checkAnswer(answer.content, batch, numbered)
  if ('reason' in checked) return { ...checked, isFinal: false }
  return { ...checked, isRepaired: answer.isRepaired || checked.notes.length > 0 }
}

/** `judgeAnswer`, in a worker thread when there is much text. */
export const judge = offloaded(
  import.meta.url,
  judgeAnswer,
  ({ written, numbered }) => written.length + totalLength(numbered.map(({ text }) => text)),
)
