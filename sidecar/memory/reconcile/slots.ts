import { normalise } from '../../text/normalise.ts'
import { segment } from '../../text/segment.ts'
import { stem } from '../../text/stem.ts'

/**
 * The slot that a topic and sub-topic name, one spelling for `Food preferences`, `food_preference` and the like;
 * `null` without a topic, which is the slot of nothing.
 */
export function slotOf(topic: string | null, subTopic: string | null): string | null {
  const head = wordsOf(topic)
  return head === '' ? null : `${head}/${wordsOf(subTopic)}`
}

function wordsOf(label: string | null): string {
  if (label === null) return ''
  return segment(normalise(label))
    .flatMap((word) => (word.kind === 'gram' ? [] : [stem(word.text, 'english')]))
    .join(' ')
}
