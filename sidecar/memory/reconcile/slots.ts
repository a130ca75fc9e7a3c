import { normalise } from '../../text/normalise.ts'
import { segment } from '../../text/segment.ts'
import { stem } from '../../text/stem.ts'

/**
 * The slot that a topic and sub-topic name, one spelling for `Food preferences`, `food_preference` and the like;
 * `null` without a topic, which is the slot of nothing. The catch-all topic has a slot only with a sub-topic: what is
 * sorted under "other" has nothing in common.
 */
export function slotOf(topic: string | null, subTopic: string | null): string | null {
  const head = wordsOf(topic)
  const tail = wordsOf(subTopic)
  return head === '' || (head === CATCH_ALL && tail === '') ? null : `${head}/${tail}`
}

const CATCH_ALL = stem('other', 'english')

function wordsOf(label: string | null): string {
  if (label === null) return ''
  return segment(normalise(label))
    .flatMap((word) => (word.kind === 'gram' ? [] : [stem(word.text, 'english')]))
    .join(' ')
}
