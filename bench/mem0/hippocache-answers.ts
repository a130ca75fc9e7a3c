import type { Answer, ScriptedRequest } from '../../test/helpers/scripted-openai/server.ts'
import type { FactBook } from './facts.ts'

/** Words that assign a fact to a topic of the default schema; the first match wins. */
const TOPICS: readonly [topic: string, words: RegExp][] = [
  ['plans', /\b(plan|want|hope|going to|looking forward|dream|goal|intend)/i],
  [
    'relationships',
    /\b(kid|child|son|daughter|husband|wife|partner|famil|friend|mother|father|pet|dog|cat)/i,
  ],
  ['work', /\b(job|work|career|counsel|business|employ|company)/i],
  ['education', /\b(school|educat|stud(y|ies)|degree|course|class)/i],
  ['health', /\b(health|run(s|ning)?|swim|therap|injur|medic|diet|sleep)/i],
  [
    'interests',
    /\b(paint|potter|music|book|read|art|hik|camp|violin|guitar|clarinet|film|game|travel|danc)/i,
  ],
  ['preferences', /\b(like|love|enjoy|prefer|favou?rite)/i],
  ['mind', /\b(feel|belie|value|inspir|grateful|accept|courage|proud)/i],
]

/** Answers Hippocache's two kinds of request: extraction, and decisions about ambiguous facts. */
export function hippocacheAnswer(request: ScriptedRequest, book: FactBook): Answer {
  return request.body.tools === undefined ? extraction(request, book) : decisions(request)
}

/** Answers in the schema of `sidecar/memory/extract/` for the messages in `<batch>`. */
function extraction({ all }: ScriptedRequest, book: FactBook): string {
  const batch = /<batch>\n([\s\S]*)\n<\/batch>/.exec(all)?.[1]
  if (batch === undefined) throw new Error('prompt: expected a <batch> of Hippocache, got none')
  const messages = messagesIn(batch)
  const facts = messages.flatMap(({ number, speaker, text }) =>
    book.factsOf(speaker, text).map((fact) => ({ number, speaker, fact })),
  )
  const names = new Set(facts.flatMap(({ fact }) => fact.match(/\p{Lu}\p{L}+(?: \p{Lu}\p{L}+)*/gu) ?? []))
  const speakers = new Set(messages.map(({ speaker }) => speaker))
  const end = messages.at(-1)
  return JSON.stringify({
    facts: facts.map(({ number, fact }) => ({
      text: fact,
      ...topicOf(fact),
      messages: [number],
      importance: 3,
      event_date: null,
    })),
    entities: [...names].map((name) => ({ name, type: speakers.has(name) ? 'person' : 'thing' })),
    relations: facts.map(({ number, speaker, fact }) => ({
      subject: speaker,
      predicate: fact.toLowerCase().split(' ').slice(1, 3).join('_'),
      object: fact.replace(/\.$/, '').split(' ').slice(-4).join(' '),
      messages: [number],
      event_date: null,
    })),
    summary: end ? book.summaryAt(end.speaker, end.text).split(' ').slice(0, 80).join(' ') : '',
  })
}

function topicOf(fact: string): { topic: string; sub_topic: string } {
  for (const [topic, words] of TOPICS) {
    const [word] = words.exec(fact) ?? []
    if (word) return { topic, sub_topic: word.toLowerCase() }
  }
  return { topic: 'life_events', sub_topic: 'past' }
}

/** Parses lines like `[3] Ada (user), Mon 2023-05-08: text`; other lines continue the previous message. */
function messagesIn(batch: string): { number: number; speaker: string; text: string }[] {
  const messages: { number: number; speaker: string; text: string }[] = []
  for (const line of batch.split('\n')) {
    const [, number, speaker, text] =
      /^\[(\d+)\] (.+?) \((?:user|assistant)\), \w{3} [\d-]+: (.*)$/.exec(line) ?? []
    const previous = messages.at(-1)
    if (number && speaker && text !== undefined) messages.push({ number: Number(number), speaker, text })
    else if (previous) previous.text += `\n${line}`
  }
  return messages
}

/**
 * Answers the request of `sidecar/learning/reconcile/request.ts`, in which lines with "→" ask for a decision. LoCoMo
 * observations describe single events, so each is new unless another line has the same text.
 */
function decisions({ last }: ScriptedRequest): Answer {
  const lines = [...last.matchAll(/^(\d+) \[[^\]]*\] [^"\n]*: ("(?:[^"\\]|\\.)*")(?: → ([\d, ]+))?$/gm)]
  const texts = new Map(lines.map(([, number, text]) => [number, text]))
  const items = lines.flatMap(([, number, text, choices]) => {
    if (choices === undefined) return []
    const same = choices.split(', ').find((one) => texts.get(one) === text)
    const decision = same
      ? { why: 'same text', action: 'NOOP', memory: Number(same) }
      : { why: 'a different event', action: 'ADD', memory: null }
    return [{ fact: Number(number), ...decision, text: null }]
  })
  if (items.length === 0) throw new Error('request: expected facts to decide, got none')
  return { calls: [{ name: 'decide', arguments: { items } }] }
}
