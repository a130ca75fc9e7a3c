import { type FindTopic, isListed, OTHER, topicFinder, topicsOf } from '../../memory/model/topics.ts'
import { identityKey } from '../../text/identity.ts'
import { isQuestion, isSmallTalk } from '../../text/sentences.ts'
import { normalise } from '../../text/terms/normalise.ts'
import { readText, termsOf } from '../../text/terms/tokens.ts'
import { splitPieces } from '../../text/verbatim/pieces.ts'
import type { AnswerContent } from './collect.ts'
import { isPlaceholder, type RawFact, readFact } from './fields.ts'
import { detectTranslation, isForeignScript } from './language.ts'
import { type NumberedMessage, resolveSources } from './messages.ts'
import { checkRelated } from './related.ts'
import {
  type Extraction,
  type ExtractionBatch,
  type ExtractionRules,
  type Fact,
  MAX_FACT_LENGTH,
  MAX_FACTS,
  MAX_SUMMARY_LENGTH,
  type UnreadableAnswer,
} from './types.ts'

export type CheckedAnswer =
  /** `warning`: the answer is usable, but asking again may give a better one. */
  { extraction: Extraction; warning: string | undefined } | UnreadableAnswer

/** Checks an answer against its batch. Facts that the rules exclude are omitted; a doubtful answer is rejected. */
export function checkAnswer(
  content: AnswerContent,
  batch: ExtractionBatch,
  numbered: readonly NumberedMessage[],
): CheckedAnswer {
  const raw = content.facts.flatMap((item) => readFact(item) ?? [])
  if (raw.length === 0 && content.facts.length > 0)
    return { reason: 'wrong_shape', detail: 'no item of "facts" has a text' }
  if (raw.some(({ text }) => text.length > MAX_FACT_LENGTH))
    return { reason: 'too_large', detail: `a fact is longer than ${MAX_FACT_LENGTH} characters` }

  const findTopic = topicFinder(topicsOf(batch.rules))
  const facts = mergeDuplicates(raw.flatMap((one) => toFact(one, findTopic, batch.rules, numbered) ?? []))
  if (!content.isNamed && !areGrounded(facts, numbered))
    return { reason: 'no_json', detail: 'the sentences have nothing in common with the messages' }
  if (facts.length > MAX_FACTS)
    return { reason: 'too_large', detail: `expected at most ${MAX_FACTS} facts, got ${facts.length}` }
  let foreign = 0
  for (const fact of facts) {
    const sources = new Set(fact.source)
    const messages = numbered.filter(({ source }) => sources.has(source))
    fact.source = messages.map(({ source }) => source)
    if (isForeignScript(fact.text, textOf(messages))) foreign++
  }
  if (foreign > 0)
    return {
      reason: 'wrong_language',
      detail: `${foreign} of ${facts.length} facts are in a script of another language`,
    }

  const language = detectTranslation(textOf(facts), textOf(numbered))
  return {
    extraction: {
      facts,
      ...checkRelated(content, facts, batch, numbered),
      summary: summaryOf(content.summary, batch.summary),
    },
    warning: language && `the facts are in ${language}, the conversation is not`,
  }
}

function textOf(all: readonly { text: string }[]): string {
  return all.map(({ text }) => text).join('\n')
}

/** A fact of the answer; `undefined` when the rules exclude it. */
function toFact(
  raw: RawFact,
  findTopic: FindTopic,
  rules: ExtractionRules,
  numbered: readonly NumberedMessage[],
): Fact | undefined {
  if (isQuestion(raw.text) || isSmallTalk(raw.text)) return undefined
  const { topic, subTopic = '' } = findTopic(raw.topic)
  if (isListed(topic, rules.exclude_topics)) return undefined
  if (rules.include_topics.length > 0 && !isListed(topic, rules.include_topics)) return undefined
  const messages = resolveSources(raw, rules, numbered)
  const first = messages.find(({ role }) => role === 'user') ?? messages[0]
  if (!first) return undefined
  return {
    text: raw.text,
    topic,
    subTopic: raw.subTopic.slice(0, 80).toWellFormed() || subTopic,
    speaker: first.speaker,
    role: first.role,
    importance: raw.importance,
    eventDate: raw.eventDate,
    source: messages.map(({ source }) => source),
  }
}

/** Merges facts with the same text, unless they have different dates. */
function mergeDuplicates(facts: readonly Fact[]): Fact[] {
  const byText = new Map<string, Fact[]>()
  for (const fact of facts) {
    const key = identityKey(fact.text)
    const same = byText.get(key) ?? []
    const duplicate = same.find(
      (one) => one.eventDate === fact.eventDate || one.eventDate === null || fact.eventDate === null,
    )
    if (duplicate) {
      duplicate.importance = Math.max(duplicate.importance, fact.importance) as Fact['importance']
      duplicate.eventDate ??= fact.eventDate
      if (duplicate.topic === OTHER) Object.assign(duplicate, { topic: fact.topic, subTopic: fact.subTopic })
      duplicate.source = [...new Set([...duplicate.source, ...fact.source])]
    } else {
      byText.set(key, [...same, fact])
    }
  }
  return [...byText.values()].flat()
}

/** Whether at least half of the facts are grounded in the messages. */
function areGrounded(facts: readonly Fact[], numbered: readonly NumberedMessage[]): boolean {
  const isGrounded = groundingIn(numbered)
  return facts.filter(({ text }) => isGrounded(text)).length * 2 >= facts.length
}

/** Returns whether a fact names a speaker or shares a third of its words with the messages. */
export function groundingIn(
  messages: readonly Pick<NumberedMessage, 'text' | 'speaker'>[],
): (fact: string) => boolean {
  const said = new Set(messages.flatMap(({ text }) => termsOf(readText(text))))
  const names = messages.map(({ speaker }) => normalise(speaker))
  return (fact) => {
    const words = termsOf(readText(fact))
    const known = words.filter((word) => said.has(word))
    return names.some((name) => normalise(fact).includes(name)) || known.length * 3 >= words.length
  }
}

/** The new summary, cut at a sentence end to `MAX_SUMMARY_LENGTH`; the old one when there is no new one. */
function summaryOf(written: string | undefined, before: string): string {
  const summary = written === undefined || isPlaceholder(written) ? before : written
  return splitPieces(summary, MAX_SUMMARY_LENGTH)[0] ?? ''
}
