import { type Form, json, renamed, withFacts } from './bad-answer.ts'
import { allOfUser, factsOf, textsAlone } from './talk.ts'

/** Other names, types and places of what was asked for. */
export const SHAPES: readonly Form[] = [
  {
    form: 'memories with content and category',
    spoil: (good) =>
      json({
        memories: good.facts.map((fact) =>
          renamed(fact, {
            text: 'content',
            topic: 'category',
            sub_topic: 'subcategory',
            messages: 'source_ids',
          }),
        ),
      }),
  },
  {
    form: 'memory list in snake case',
    spoil: (good) =>
      json({
        extracted_facts: good.facts.map((fact) =>
          renamed(fact, { text: 'fact_text', messages: 'message_ids', event_date: 'date' }),
        ),
      }),
  },
  {
    form: 'capital letters',
    spoil: (good) =>
      json({
        Facts: good.facts.map((fact) =>
          renamed(fact, {
            text: 'Text',
            topic: 'Topic',
            sub_topic: 'Sub Topic',
            messages: 'Messages',
            importance: 'Importance',
            event_date: 'Event Date',
          }),
        ),
        Summary: good.summary,
      }),
  },
  {
    form: 'upper case',
    spoil: (good) =>
      json({
        FACTS: good.facts.map((fact) =>
          renamed(fact, {
            text: 'TEXT',
            topic: 'TOPIC',
            sub_topic: 'SUB_TOPIC',
            messages: 'MESSAGES',
            importance: 'IMPORTANCE',
            event_date: 'EVENT_DATE',
          }),
        ),
      }),
  },
  {
    form: 'camel case',
    spoil: (good) =>
      json(
        withFacts(good, (fact) =>
          renamed(fact, { sub_topic: 'subTopic', event_date: 'eventDate', messages: 'messageNumbers' }),
        ),
      ),
  },
  {
    form: 'numbers as words of digits',
    spoil: (good) =>
      json(
        withFacts(good, (fact) => ({
          ...fact,
          messages: fact.messages.map(String),
          importance: String(fact.importance),
        })),
      ),
  },
  {
    form: 'one number, not a list',
    spoil: (good) => json(withFacts(good, (fact) => ({ ...fact, messages: fact.messages[0] }))),
  },
  {
    form: 'number with a hash',
    spoil: (good) => json(withFacts(good, (fact) => ({ ...fact, messages: `#${fact.messages[0]}` }))),
  },
  {
    form: 'numbers in brackets',
    spoil: (good) =>
      json(withFacts(good, (fact) => ({ ...fact, messages: `[${fact.messages.join(', ')}]` }))),
  },
  {
    form: 'numbers with a word',
    spoil: (good) =>
      json(withFacts(good, (fact) => ({ ...fact, messages: fact.messages.map((n) => `message ${n}`) }))),
  },
  {
    form: 'numbers in objects',
    spoil: (good) =>
      json(withFacts(good, (fact) => ({ ...fact, messages: fact.messages.map((number) => ({ number })) }))),
  },
  {
    form: 'decimals',
    spoil: (good) =>
      json(withFacts(good, (fact) => ({ ...fact, messages: fact.messages }))).replace(
        /"messages":\[(\d)\]/gu,
        '"messages":[$1.0]',
      ),
  },
  {
    form: 'importance of five',
    spoil: (good) => json(withFacts(good, (fact) => ({ ...fact, importance: `${fact.importance}/5` }))),
  },
  {
    form: 'importance as a share',
    spoil: (good) => json(withFacts(good, (fact) => ({ ...fact, importance: fact.importance / 5 - 0.01 }))),
  },
  {
    form: 'importance in words',
    spoil: (good) =>
      json(
        withFacts(good, (fact) => ({
          ...fact,
          importance: ['', 'trivial', 'low', 'medium', 'high', 'critical'][fact.importance],
        })),
      ),
  },
  {
    form: 'importance of ten',
    spoil: (good) => json(withFacts(good, (fact) => ({ ...fact, importance: 10 }))),
    expect: (talk) => ({ facts: factsOf(talk).map((fact) => ({ ...fact, importance: 5 })) }),
  },
  {
    form: 'importance below zero',
    spoil: (good) => json(withFacts(good, (fact) => ({ ...fact, importance: -3 }))),
    expect: (talk) => ({ facts: factsOf(talk).map((fact) => ({ ...fact, importance: 1 })) }),
  },
  {
    form: 'topics with a capital',
    spoil: (good) =>
      json(withFacts(good, (fact) => ({ ...fact, topic: fact.topic.replaceAll('_', ' ').toUpperCase() }))),
  },
  {
    form: 'topic and sub-topic in one',
    spoil: (good) =>
      json(withFacts(good, ({ sub_topic, ...fact }) => ({ ...fact, topic: `${fact.topic}/${sub_topic}` }))),
  },
  {
    form: 'topic::sub-topic',
    spoil: (good) =>
      json(withFacts(good, ({ sub_topic, ...fact }) => ({ ...fact, topic: `${fact.topic}::${sub_topic}` }))),
  },
  {
    form: 'topic in a list',
    spoil: (good) => json(withFacts(good, (fact) => ({ ...fact, topic: [fact.topic] }))),
  },
  {
    form: 'topics that there are not',
    spoil: (good) => json(withFacts(good, (fact) => ({ ...fact, topic: 'zodiac', sub_topic: '' }))),
    expect: (talk) => ({ facts: factsOf(talk).map((fact) => ({ ...fact, topic: 'other', subTopic: '' })) }),
  },
  {
    form: 'dates with slashes and times',
    spoil: (good) =>
      json(
        withFacts(good, (fact) => ({
          ...fact,
          event_date:
            fact.event_date &&
            (fact.event_date.length === 10
              ? `${fact.event_date}T00:00:00Z`
              : fact.event_date.replace('-', '/')),
        })),
      ),
  },
  {
    form: 'dates of East Asia',
    spoil: (good) =>
      json(
        withFacts(good, (fact) => ({
          ...fact,
          event_date:
            fact.event_date?.replace(
              /^(\d+)-0?(\d+)(?:-0?(\d+))?$/u,
              (_, y, m, d) => `${y}年${m}月${d ? `${d}日` : ''}`,
            ) ?? '无',
        })),
      ),
  },
  {
    form: 'no date in words',
    spoil: (good) => json(withFacts(good, (fact) => ({ ...fact, event_date: fact.event_date ?? 'N/A' }))),
  },
  {
    form: 'dates that no calendar has',
    spoil: (good) => json(withFacts(good, (fact) => ({ ...fact, event_date: '2026-13-45' }))),
    expect: (talk) => ({ facts: factsOf(talk).map((fact) => ({ ...fact, eventDate: null })) }),
  },
  {
    form: 'keys that nobody asked for',
    spoil: (good) =>
      json(
        withFacts(good, (fact, i) => ({
          id: i,
          confidence: 0.93,
          reasoning: 'They said so.',
          ...fact,
          language: 'xx',
        })),
      ),
  },
  {
    form: 'numbers of messages that do not exist',
    spoil: (good) => json(withFacts(good, (fact) => ({ ...fact, messages: [17, 99] }))),
    expect: (talk) => ({ facts: factsOf(talk).map((fact) => ({ ...fact, source: allOfUser(talk) })) }),
  },
  {
    form: 'numbers that exist and some that do not',
    spoil: (good) => json(withFacts(good, (fact) => ({ ...fact, messages: [...fact.messages, 42] }))),
  },
  {
    form: 'the numbers of the assistant as well',
    spoil: (good) =>
      json(withFacts(good, (fact) => ({ ...fact, messages: fact.messages.flatMap((n) => [n, n + 1]) }))),
  },
  {
    form: 'items without a text',
    spoil: (good) => json({ ...good, facts: [{ topic: 'work', importance: 3 }, ...good.facts, {}, null, 7] }),
  },
  {
    form: 'a placeholder left over',
    spoil: (good) =>
      json({
        ...good,
        facts: [...good.facts, { text: '<fact>', topic: 'other', messages: [1] }, { text: '...', topic: '' }],
      }),
  },
  {
    form: 'questions among the facts',
    spoil: (good, talk) =>
      json({
        ...good,
        facts: [
          ...good.facts,
          {
            text: talk.lines[0]?.includes('。') ? '他喜欢什么？' : 'What does the user want?',
            topic: 'other',
            messages: [1],
          },
        ],
      }),
  },
  {
    form: 'a fact with its text twice',
    spoil: (good) =>
      json(good).replace(/"text":("(?:[^"\\]|\\.)*")/u, (all, text: string) => `${all},"text":${text}`),
  },
  {
    form: 'as mem0 writes it',
    spoil: (good) => json({ memory: good.facts.map(({ text }, i) => ({ id: `${i}`, text, event: 'ADD' })) }),
    expect: (talk) => ({ facts: textsAlone(talk) }),
  },
  { form: 'facts null', spoil: (good) => json({ ...good, facts: null }), expect: () => ({ facts: [] }) },
]
