import { type FindTopic, isListed, OTHER, topicFinder, topicsOf } from '../../memory/model/topics.ts'
import { isQuestion, isSmallTalk, packSentences, splitSentences } from '../../text/sentences.ts'
import { normalise } from '../../text/terms/normalise.ts'
import { segment } from '../../text/terms/segment.ts'
import { stopWordsOf } from '../../text/terms/stop-words.ts'
import { normaliseForDuplicate } from '../../text/verbatim.ts'
import type { AnswerContent } from './collect.ts'
import { isPlaceholder, type RawFact, readFact } from './fields.ts'
import { detectTranslation, isForeignScript } from './language.ts'
import { type NumberedMessage, resolveSources } from './messages.ts'
import { NoteCounter } from './notes.ts'
import { checkRelated } from './related.ts'
import {
  type Extraction,
  type ExtractionBatch,
  type Fact,
  MAX_FACT_LENGTH,
  MAX_FACTS,
  MAX_SUMMARY_LENGTH,
  type UnreadableReason,
} from './types.ts'

export type CheckedAnswer =
  /** `warning`: the answer is usable, but asking again may give a better one. */
  | { extraction: Extraction; notes: string[]; warning: string | undefined }
  | { reason: UnreadableReason; detail: string }

/**
 * Checks an answer against its batch. Single facts that the rules exclude are omitted with a note. An answer that is
 * doubtful as a whole (no texts, a foreign script, far too long) is rejected entirely.
 */
export function checkAnswer(
  content: AnswerContent,
  batch: ExtractionBatch,
  numbered: readonly NumberedMessage[],
): CheckedAnswer {
  const notes = new NoteCounter()
  const raw = content.facts.flatMap(
    (item) => readFact(item) ?? notes.countOmitted('items without text') ?? [],
  )
  if (raw.length === 0 && content.facts.length > 0)
    return { reason: 'wrong_shape', detail: 'no item of "facts" has a text' }
  if (raw.some(({ text }) => text.length > MAX_FACT_LENGTH))
    return { reason: 'too_large', detail: `a fact is longer than ${MAX_FACT_LENGTH} characters` }

  const textOf = new Map(numbered.map((message) => [message.source, message.text]))
  const findTopic = topicFinder(topicsOf(batch.rules))
  const facts = mergeDuplicates(
    raw.flatMap((one) => toFact(one, findTopic, batch, numbered, notes) ?? []),
    notes,
  )
  if (!content.isNamed && !areGrounded(facts, numbered))
    return { reason: 'no_json', detail: 'the sentences have nothing in common with the messages' }
  const foreign = facts.flatMap((fact) =>
    isForeignScript(fact.text, fact.source.map((one) => textOf.get(one)).join('\n')) ? [fact] : [],
  )
  if (foreign.length > 0)
    return {
      reason: 'wrong_language',
      detail: `${foreign.length} of ${facts.length} facts are in a script of another language`,
    }
  if (facts.length > MAX_FACTS)
    return { reason: 'too_large', detail: `expected at most ${MAX_FACTS} facts, got ${facts.length}` }

  const language = detectTranslation(
    facts.map(({ text }) => text).join('\n'),
    numbered.map(({ text }) => text).join('\n'),
  )
  const positionOf = new Map(numbered.map(({ source }, position) => [source, position]))
  return {
    extraction: {
      facts: facts.map((fact) => ({ ...fact, source: sortSources(fact.source, positionOf) })),
      ...checkRelated(content, facts, batch, numbered, notes),
      summary: summaryOf(content.summary, batch.summary),
    },
    notes: notes.toNotes(),
    warning: language && `the facts are in ${language}, the conversation is not`,
  }
}

function toFact(
  raw: RawFact,
  findTopic: FindTopic,
  batch: ExtractionBatch,
  numbered: readonly NumberedMessage[],
  notes: NoteCounter,
): Fact | undefined {
  const { rules } = batch
  if (isQuestion(raw.text) || isSmallTalk(raw.text)) return notes.countOmitted('questions and small talk')
  const found = findTopic(raw.topic)
  if (found.topic === OTHER && raw.topic !== '' && !isListed(raw.topic, [OTHER]))
    notes.count('unknown topics became "other"')
  if (isListed(found.topic, rules.excludeTopics)) return notes.countOmitted('facts of an excluded topic')
  if (rules.includeTopics.length > 0 && !isListed(found.topic, rules.includeTopics))
    return notes.countOmitted('facts of a topic that is not included')
  const messages = resolveSources(raw, batch, numbered, (what) => notes.count(what))
  const [first] = messages
  if (!first) return notes.countOmitted('facts of a role that is not remembered')
  const { speaker, role } = messages.find((message) => message.role === 'user') ?? first
  if (raw.date === undefined) notes.count('dates could not be read')
  return {
    text: raw.text,
    topic: found.topic,
    subTopic: raw.subTopic.slice(0, 80).toWellFormed() || (found.subTopic ?? ''),
    speaker,
    role,
    importance: raw.importance,
    eventDate: raw.date ?? null,
    source: messages.map(({ source }) => source),
  }
}

/** Merges facts with the same words, unless they have different dates. */
function mergeDuplicates(facts: readonly Fact[], notes: NoteCounter): Fact[] {
  const byText = new Map<string, Fact[]>()
  const kept: Fact[] = []
  for (const fact of facts) {
    const key = normaliseForDuplicate(fact.text)
    const same = byText.get(key) ?? []
    const duplicate = same.find(
      (one) => one.eventDate === fact.eventDate || one.eventDate === null || fact.eventDate === null,
    )
    if (duplicate) {
      notes.count('facts were given more than once')
      duplicate.importance = Math.max(duplicate.importance, fact.importance) as Fact['importance']
      duplicate.eventDate ??= fact.eventDate
      if (duplicate.topic === OTHER) Object.assign(duplicate, { topic: fact.topic, subTopic: fact.subTopic })
      duplicate.source = [...new Set([...duplicate.source, ...fact.source])]
    } else {
      byText.set(key, [...same, fact])
      kept.push(fact)
    }
  }
  return kept
}

/**
 * Whether at least half of the facts name a speaker or share a third of their words with the messages. A model that
 * continues the conversation instead of extracting may also list facts, about the capital of Peru for example.
 */
function areGrounded(facts: readonly Fact[], numbered: readonly NumberedMessage[]): boolean {
  const said = new Set(numbered.flatMap(({ text }) => contentWordsOf(text)))
  const names = numbered.map(({ speaker }) => normalise(speaker))
  const grounded = facts.filter(({ text }) => {
    const words = contentWordsOf(text)
    const known = words.filter((word) => said.has(word))
    return names.some((name) => normalise(text).includes(name)) || known.length * 3 >= words.length
  })
  return grounded.length * 2 >= facts.length
}

function contentWordsOf(text: string): string[] {
  const stopWords = stopWordsOf('english')
  return segment(normalise(text)).flatMap(({ text: word }) => (stopWords.has(word) ? [] : [word]))
}

function sortSources(
  sources: Fact['source'],
  positionOf: ReadonlyMap<Fact['source'][number], number>,
): Fact['source'] {
  const position = (one: Fact['source'][number]) => positionOf.get(one) as number
  return [...new Set(sources)].sort((a, b) => position(a) - position(b)).map((one) => ({ ...one }))
}

/** The new summary, cut at a sentence end to `MAX_SUMMARY_LENGTH`; the old one when there is no new one. */
function summaryOf(written: string | undefined, before: string): string {
  const summary = written === undefined || isPlaceholder(written) ? before : written
  return packSentences(splitSentences(summary), MAX_SUMMARY_LENGTH)[0] ?? ''
}
