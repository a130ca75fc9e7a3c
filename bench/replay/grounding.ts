import { GroundingIndex } from '../../sidecar/experiments/grounding/grounding-index.ts'
import { keepVerbatim } from '../../sidecar/text/verbatim/verbatim.ts'
import { type Talk, turnsOf } from '../talks/dataset.ts'

/** How well the memories that an answer drew on are recognised. */
export interface GroundingQuality {
  /** Share of the recognised turns that are evidence of the question; of the evidence that was recognised. */
  precision: number
  recall: number
  /** Share of the replies to another persona in which a memory was recognised, always wrongly. */
  falseReplies: number
}

/** Distance between the replies that answers are hidden in; coprime to their number. */
const STEP = 7

/**
 * Measures on the labelled questions, whose answers are a few words.
 * @param isInReply hides each answer in a reply that another persona of the same language got
 */
export function measureGrounding(
  talks: readonly Talk[],
  all: readonly Talk[],
  isInReply: boolean,
): GroundingQuality {
  const counts = { right: 0, recognised: 0, evidence: 0, replies: 0, falseReplies: 0 }
  for (const talk of talks) {
    const other = all.find(({ id, lang }) => lang === talk.lang && id !== talk.id) as Talk
    const replies = turnsOf(other)
    const { index, refOf } = indexOf(talk)
    for (const [i, { q: question, answer, evidence }] of talk.questions.entries()) {
      if (evidence.length === 0) continue
      const reply = replies[(i * STEP) % replies.length]?.assistant
      const grounded = index.groundedIn({ question, answer: isInReply ? `${answer}. ${reply}` : answer })
      const refs = new Set(grounded.map(({ id }) => refOf.get(id) as string))
      counts.right += evidence.filter((ref) => refs.has(ref)).length
      counts.recognised += refs.size
      counts.evidence += evidence.length
    }
    for (const { user, assistant } of replies) {
      counts.replies += 1
      counts.falseReplies += +(index.groundedIn({ question: user, answer: assistant }).length > 0)
    }
  }
  return {
    precision: counts.right / counts.recognised,
    recall: counts.right / counts.evidence,
    falseReplies: counts.falseReplies / counts.replies,
  }
}

function indexOf(talk: Talk): { index: GroundingIndex; refOf: Map<string, string> } {
  const index = new GroundingIndex()
  const refOf = new Map<string, string>()
  for (const { ref, user, assistant } of turnsOf(talk)) {
    const texts = [
      ...keepVerbatim({ role: 'user', content: user }, { answersQuestion: false }),
      ...keepVerbatim({ role: 'assistant', content: assistant }, { answersQuestion: false }),
    ]
    for (const text of texts) {
      const id = String(refOf.size)
      refOf.set(id, ref)
      index.add({ id, text, context: null })
    }
  }
  return { index, refOf }
}
