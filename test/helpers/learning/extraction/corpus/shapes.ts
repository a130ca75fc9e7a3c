import { type Form, json, withFacts } from './bad-answer.ts'
import { allOfUser, factsOf, type GoodFact, textsAlone } from './talk.ts'

/** Each fact of the answer with some fields changed. */
const eachFact = (form: string, change: (fact: GoodFact) => object, expected?: object): Form => ({
  form,
  spoil: (good) => json(withFacts(good, (fact) => ({ ...fact, ...change(fact) }))),
  ...(expected && { expect: (talk) => ({ facts: factsOf(talk).map((fact) => ({ ...fact, ...expected })) }) }),
})

/** The facts alone under `key`, with other names of their fields. */
const renamed = (form: string, key: string, names: Partial<Record<keyof GoodFact, string>>): Form => ({
  form,
  spoil: ({ facts, summary }) =>
    json({
      [key]: facts.map((fact) =>
        Object.fromEntries(
          Object.entries(fact).map(([field, value]) => [names[field as keyof GoodFact] ?? field, value]),
        ),
      ),
      Summary: summary,
    }),
})

/** Items in front of and after the facts that are no facts. */
const withItems = (form: string, before: unknown[], after: unknown[]): Form => ({
  form,
  spoil: (good) => json({ ...good, facts: [...before, ...good.facts, ...after] }),
})

/** Names, types and places other than the requested ones. */
export const SHAPES: readonly Form[] = [
  renamed('memories with content and category', 'memories', {
    text: 'content',
    topic: 'category',
    sub_topic: 'subcategory',
    messages: 'source_ids',
  }),
  renamed('memory list in snake case', 'extracted_facts', {
    text: 'fact_text',
    messages: 'message_ids',
    event_date: 'date',
  }),
  renamed('capital letters', 'Facts', {
    text: 'Text',
    topic: 'Topic',
    sub_topic: 'Sub Topic',
    messages: 'Messages',
    importance: 'Importance',
    event_date: 'Event Date',
  }),
  renamed('upper case', 'FACTS', {
    text: 'TEXT',
    topic: 'TOPIC',
    sub_topic: 'SUB_TOPIC',
    messages: 'MESSAGES',
    importance: 'IMPORTANCE',
    event_date: 'EVENT_DATE',
  }),
  renamed('camel case', 'facts', {
    sub_topic: 'subTopic',
    event_date: 'eventDate',
    messages: 'messageNumbers',
  }),
  eachFact('numbers as strings', ({ messages, importance }) => ({
    messages: messages.map(String),
    importance: String(importance),
  })),
  eachFact('one number instead of a list', ({ messages }) => ({ messages: messages[0] })),
  eachFact('number with a hash', ({ messages }) => ({ messages: `#${messages[0]}` })),
  eachFact('numbers in brackets', ({ messages }) => ({ messages: `[${messages.join(', ')}]` })),
  eachFact('numbers with a word', ({ messages }) => ({ messages: messages.map((n) => `message ${n}`) })),
  eachFact('numbers in objects', ({ messages }) => ({ messages: messages.map((number) => ({ number })) })),
  {
    form: 'decimals',
    spoil: (good) => json(good).replace(/"messages":\[(\d)\]/gu, '"messages":[$1.0]'),
  },
  eachFact('importance as n/5', ({ importance }) => ({ importance: `${importance}/5` })),
  eachFact('importance as a fraction', ({ importance }) => ({ importance: importance / 5 - 0.01 })),
  eachFact('importance in words', ({ importance }) => ({
    importance: ['', 'trivial', 'low', 'medium', 'high', 'critical'][importance],
  })),
  eachFact('importance 10', () => ({ importance: 10 }), { importance: 5 }),
  eachFact('negative importance', () => ({ importance: -3 }), { importance: 1 }),
  eachFact('topics in upper case', ({ topic }) => ({ topic: topic.replaceAll('_', ' ').toUpperCase() })),
  eachFact('topic/sub-topic', ({ topic, sub_topic }) => ({
    topic: `${topic}/${sub_topic}`,
    sub_topic: undefined,
  })),
  eachFact('topic::sub-topic', ({ topic, sub_topic }) => ({
    topic: `${topic}::${sub_topic}`,
    sub_topic: undefined,
  })),
  eachFact('topic in a list', ({ topic }) => ({ topic: [topic] })),
  eachFact('unknown topics', () => ({ topic: 'zodiac', sub_topic: '' }), { topic: 'other', subTopic: '' }),
  eachFact('dates with slashes and times', ({ event_date }) => ({
    event_date: event_date?.length === 10 ? `${event_date}T00:00:00Z` : event_date?.replace('-', '/'),
  })),
  eachFact('East Asian dates', ({ event_date }) => ({
    event_date:
      event_date?.replace(
        /^(\d+)-0?(\d+)(?:-0?(\d+))?$/u,
        (_, y, m, d) => `${y}年${m}月${d ? `${d}日` : ''}`,
      ) ?? '无',
  })),
  eachFact('a missing date in words', ({ event_date }) => ({ event_date: event_date ?? 'N/A' })),
  eachFact('impossible dates', () => ({ event_date: '2026-13-45' }), { eventDate: null }),
  eachFact('unknown keys', () => ({ id: 1, confidence: 0.93, reasoning: 'They said so.', language: 'xx' })),
  {
    ...eachFact('message numbers that do not exist', () => ({ messages: [17, 99] })),
    expect: (talk) => ({ facts: factsOf(talk).map((fact) => ({ ...fact, source: allOfUser(talk) })) }),
  },
  eachFact('some message numbers that do not exist', ({ messages }) => ({ messages: [...messages, 42] })),
  eachFact('the message numbers of the assistant as well', ({ messages }) => ({
    messages: messages.flatMap((n) => [n, n + 1]),
  })),
  withItems('items without a text', [{ topic: 'work', importance: 3 }], [{}, null, 7]),
  withItems(
    'placeholders left over',
    [],
    [
      { text: '<fact>', topic: 'other', messages: [1] },
      { text: '...', topic: '' },
    ],
  ),
  withItems(
    'questions among the facts',
    [{ text: 'What does the user want?', topic: 'other', messages: [1] }],
    [{ text: '他喜欢什么？', topic: 'other', messages: [1] }],
  ),
  {
    form: 'a fact with its text twice',
    spoil: (good) =>
      json(good).replace(/"text":("(?:[^"\\]|\\.)*")/u, (all, text: string) => `${all},"text":${text}`),
  },
  {
    form: 'a list "facts" for each fact in one object',
    spoil: (good) => `{${good.facts.map((fact) => `"facts": [${json(fact)}]`).join(',')}}`,
  },
  {
    form: 'in the format of mem0',
    spoil: (good) => json({ memory: good.facts.map(({ text }, i) => ({ id: `${i}`, text, event: 'ADD' })) }),
    expect: (talk) => ({ facts: textsAlone(talk) }),
  },
  { form: 'facts null', spoil: (good) => json({ ...good, facts: null }), expect: () => ({ facts: [] }) },
]
