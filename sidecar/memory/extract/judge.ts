import type { Completion } from '../../ports/language-model.ts'
import { offloaded, totalLength } from '../../text/worker-pool.ts'
import { readAnswer } from './answer/read.ts'
import { checkAnswer } from './check.ts'
import type { NumberedMessage } from './messages.ts'
import type { Extraction, ExtractionBatch, UnreadableReason } from './types.ts'

export interface JudgeInput {
  /** What the model wrote. */
  written: string
  finish: Completion['finish']
  batch: ExtractionBatch
  /** The messages of the batch, as the model was shown them. */
  numbered: readonly NumberedMessage[]
}

export type Answer =
  | { extraction: Extraction; notes: string[]; repaired: boolean; doubt: string | undefined }
  /** `final`: asking again would give the same answer. */
  | { reason: UnreadableReason; detail: string; final: boolean }

/** Reads an answer and checks it against the batch. */
export function judgeAnswer({ written, finish, batch, numbered }: JudgeInput): Answer {
  if (finish === 'refused' && written.trim() === '')
    return { reason: 'refused', detail: 'the endpoint declined the content', final: true }
  const answer = readAnswer(written, finish === 'length')
  if ('reason' in answer) {
    const isRefused = finish === 'refused'
    return { reason: isRefused ? 'refused' : answer.reason, detail: answer.detail, final: isRefused }
  }
  const checked = checkAnswer(answer.collected, batch, numbered)
  if ('reason' in checked) return { ...checked, final: false }
  return { ...checked, repaired: answer.repaired || checked.notes.length > 0 }
}

/** `judgeAnswer`, in a worker thread when there is much text. */
export const judge = offloaded(
  import.meta.url,
  judgeAnswer,
  ({ written, numbered }) => written.length + totalLength(numbered.map(({ text }) => text)),
)
