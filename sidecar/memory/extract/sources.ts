import { normalise } from '../../text/normalise.ts'
import { mayRemember, type NumberedMessage } from './messages.ts'
import type { Tally } from './tally.ts'
import type { ExtractionBatch } from './types.ts'

/**
 * The messages that a statement comes from, of the sides that are remembered. Where it cites none that exists: all
 * messages of its speaker, who is told by the answer, else by a name in the text, else anyone.
 */
export function sourcesOf(
  { numbers, speaker, text }: { numbers: readonly number[]; speaker: string; text: string },
  batch: ExtractionBatch,
  numbered: readonly NumberedMessage[],
  tally: Tally,
): NumberedMessage[] {
  const cited = numbered.filter(({ number }) => numbers.includes(number))
  if (new Set(numbers).size > cited.length) tally.add('statements cite messages that do not exist')
  const own = cited.filter(({ role }) => mayRemember(batch, role))
  if (cited.length > 0) return own
  tally.add('statements have all messages of their speaker as source')
  const named = normalise(speaker)
  const bySpeaker = numbered.filter(
    (one) => named !== '' && (normalise(one.speaker) === named || one.role === named),
  )
  const inText = numbered.filter(
    (one) => one.speaker !== one.role && normalise(text).startsWith(normalise(one.speaker)),
  )
  const [messages = []] = [bySpeaker, inText, numbered].filter((list) => list.length > 0)
  return messages.filter(({ role }) => mayRemember(batch, role))
}
