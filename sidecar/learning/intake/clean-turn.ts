import type { Message } from '../../memory/model/turns.ts'
import { clean } from '../../text/cleaning/clean.ts'
import { type CleanedCounts, counterOf } from '../../text/cleaning/counts.ts'
import { splitLong } from '../../text/cleaning/lengths.ts'
import { isPhatic } from '../../text/cleaning/phatic.ts'
import type { RedactedKind } from '../../text/cleaning/redact.ts'
import { isQuestion } from '../../text/sentences.ts'

export interface CleanedTurn {
  messages: Message[]
  counts: CleanedCounts
  /** Whether no message says anything to remember. */
  isPhatic: boolean
}

/** Cleans the messages of a turn, and splits long ones. Whatever is stored of a turn has passed through here. */
export async function cleanTurn(
  messages: readonly Message[],
  redact: readonly RedactedKind[],
): Promise<CleanedTurn> {
  const { texts, counts } = await clean({
    texts: messages.map(({ role, content }) => ({ role, content })),
    redact,
  })
  const count = counterOf(counts)
  const phatic = texts.map((text, i) => {
    // The message before the first is in another turn; it may be a question.
    const previous = texts[i - 1]
    return isPhatic(text, { answersQuestion: previous === undefined || isQuestion(previous) })
  })
  count('acknowledgements', phatic.filter((is, i) => is && hasWords(texts[i] as string)).length)
  return {
    messages: messages.flatMap((message, i) =>
      splitLong(texts[i] as string).map((content) => ({ ...message, content })),
    ),
    counts,
    isPhatic: phatic.every(Boolean),
  }
}

/** Placeholders are counted as what they stand for. */
function hasWords(text: string): boolean {
  return /\p{L}/u.test(text.replace(/\[[^\]]*\]/gu, ''))
}
