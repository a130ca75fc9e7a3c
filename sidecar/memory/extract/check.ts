import { isQuestion, isSmallTalk, packSentences, splitSentences } from '../../text/sentences.ts'
import { type FindTopic, isListed, topicFinder, topicsOf } from '../model/topics.ts'
import { normaliseForDuplicate } from '../model/verbatim.ts'
import type { Collected } from './answer/collect.ts'
import { isPlaceholder, readFact, type WrittenFact } from './answer/facts.ts'
import { areAbout } from './grounded.ts'
import { foreignLanguage, isForeignScript } from './language.ts'
import type { NumberedMessage } from './messages.ts'
import { relatedOf } from './related.ts'
import { sourcesOf } from './sources.ts'
import { Tally } from './tally.ts'
import {
  type Extraction,
  type ExtractionBatch,
  type Fact,
  MAX_FACT_LENGTH,
  MAX_FACTS,
  MAX_SUMMARY_LENGTH,
  type UnreadableReason,
} from './types.ts'

export type Checked =
  | { extraction: Extraction; notes: string[]; doubt: string | undefined }
  | { reason: UnreadableReason; detail: string }

/**
 * Checks an answer against its batch. Facts that the rules exclude are left out with a note; an answer without texts, in
 * a foreign script, or of excessive size is refused as a whole. `doubt`: usable, but worth asking once more.
 */
export function checkAnswer(
  collected: Collected,
  batch: ExtractionBatch,
  numbered: readonly NumberedMessage[],
): Checked {
  const tally = new Tally()
  const written = collected.facts.flatMap((item) => {
    const facts = readFact(item)
    if (facts.length === 0) tally.add('items without text were left out')
    return facts
  })
  if (written.length === 0 && collected.facts.length > 0)
    return { reason: 'wrong_shape', detail: 'no item of "facts" has a text' }
  if (written.some(({ text }) => text.length > MAX_FACT_LENGTH))
    return { reason: 'too_large', detail: `a fact is longer than ${MAX_FACT_LENGTH} characters` }

  const said = new Map(numbered.map((message) => [message.source, message.text]))
  const findTopic = topicFinder(topicsOf(batch.rules))
  const facts = mergeEqual(
    written.flatMap((one) => toFact(one, findTopic, batch, numbered, tally) ?? []),
    tally,
  )
  if (!collected.named && !areAbout(facts, numbered))
    return { reason: 'no_json', detail: 'the sentences have nothing to do with the messages' }
  const foreign = facts.filter((fact) =>
    isForeignScript(fact.text, fact.source.map((one) => said.get(one)).join('\n')),
  )
  if (foreign.length > 0)
    return {
      reason: 'wrong_language',
      detail: `${foreign.length} of ${facts.length} facts are in a script of another language`,
    }
  if (facts.length > MAX_FACTS)
    return { reason: 'too_large', detail: `${facts.length} facts, at most ${MAX_FACTS} fit a batch` }

  const language = foreignLanguage(
    facts.map(({ text }) => text).join('\n'),
    numbered.map(({ text }) => text).join('\n'),
  )
  const placeOf = new Map(numbered.map(({ source }, place) => [source, place]))
  const related = relatedOf(collected, facts, batch, numbered, tally)
  return {
    extraction: {
      facts: facts.map((fact) => inOrder(fact, placeOf)),
      ...related,
      summary: summaryOf(collected.summary, batch.summary),
    },
    notes: tally.notes(),
    doubt: language && `the facts are in ${language}, the conversation is not`,
  }
}

function toFact(
  written: WrittenFact,
  findTopic: FindTopic,
  batch: ExtractionBatch,
  numbered: readonly NumberedMessage[],
  tally: Tally,
): Fact | undefined {
  const { rules } = batch
  if (isQuestion(written.text) || isSmallTalk(written.text)) return tally.leftOut('questions and small talk')
  const found = findTopic(written.topic)
  if (found.topic === 'other' && written.topic !== '' && !isListed(written.topic, ['other']))
    tally.add('unknown topics became "other"')
  if (isListed(found.topic, rules.excludeTopics)) return tally.leftOut('facts of an excluded topic')
  if (rules.includeTopics.length > 0 && !isListed(found.topic, rules.includeTopics))
    return tally.leftOut('facts of a topic that is not included')
  const messages = sourcesOf(written, batch, numbered, tally)
  const [first] = messages
  if (!first) return tally.leftOut('facts of a side that is not remembered')
  const speaker = messages.find(({ role }) => role === 'user') ?? first
  if (written.date === undefined) tally.add('dates could not be read')
  return {
    text: written.text,
    topic: found.topic,
    subTopic: written.subTopic.slice(0, 80).toWellFormed() || (found.subTopic ?? ''),
    speaker: speaker.speaker,
    role: speaker.role,
    importance: written.importance,
    eventDate: written.date ?? null,
    source: messages.map(({ source }) => source),
  }
}

/** Facts with equal words are merged unless their dates differ. */
function mergeEqual(facts: readonly Fact[], tally: Tally): Fact[] {
  const byText = new Map<string, Fact[]>()
  const kept: Fact[] = []
  for (const fact of facts) {
    const key = normaliseForDuplicate(fact.text)
    const same = byText.get(key) ?? []
    const twin = same.find(
      (one) => one.eventDate === fact.eventDate || one.eventDate === null || fact.eventDate === null,
    )
    if (twin) {
      tally.add('facts were given more than once')
      twin.importance = Math.max(twin.importance, fact.importance) as Fact['importance']
      twin.eventDate ??= fact.eventDate
      if (twin.topic === 'other') [twin.topic, twin.subTopic] = [fact.topic, fact.subTopic]
      twin.source = [...new Set([...twin.source, ...fact.source])]
    } else {
      byText.set(key, [...same, fact])
      kept.push(fact)
    }
  }
  return kept
}

function inOrder(fact: Fact, placeOf: ReadonlyMap<Fact['source'][number], number>): Fact {
  const place = (one: Fact['source'][number]) => placeOf.get(one) as number
  const source = [...new Set(fact.source)].sort((a, b) => place(a) - place(b)).map((one) => ({ ...one }))
  return { ...fact, source }
}

/** At most `MAX_SUMMARY_LENGTH`, cut at the end of a sentence; the old summary when there is no new one. */
function summaryOf(written: string | undefined, before: string): string {
  const summary = written === undefined || isPlaceholder(written) ? before : written
  return packSentences(splitSentences(summary), MAX_SUMMARY_LENGTH)[0] ?? ''
}
