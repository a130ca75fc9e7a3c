import { type BadAnswer, byHand, json, pretty } from './bad-answer.ts'
import type { Talk } from './talk.ts'
import { arabic, chinese, english, french, german, japanese, korean, russian } from './talks.ts'

/** The text up to `mark`, and `more` characters of it. */
const upTo = (text: string, mark: string, more = 0) => text.slice(0, text.indexOf(mark) + more)

const cut = (form: string, talk: Talk, raw: string, finish: BadAnswer['finish'] = 'length') =>
  byHand('truncated', form, talk, raw, { unreadable: 'truncated' }, finish)

/** Answers that end too early, named after the place of the cut. */
export const CUTS: readonly BadAnswer[] = [
  cut('the first brace', english, '{'),
  cut('the first key', french, '{"fac'),
  cut('before the list', german, '{"facts":'),
  cut('in the first text', chinese, upTo(json(chinese.good), '游戏公司')),
  cut('in a later text', english, upTo(json(english.good), 'gets married', 4)),
  cut('in a text, without reaching the limit', english, upTo(json(english.good), 'gets married', 4), 'stop'),
  cut('in an escape', english, upTo(json(english.good), '\\"little', 1)),
  cut('in a unicode escape', japanese, '{"facts":[{"text":"\\u5065\\u592a\\u306f\\u73'),
  cut('between key and value', french, upTo(json(french.good), '"topic"', 8)),
  cut('in a topic', russian, upTo(json(russian.good), '"work"', 3)),
  cut('in a list of numbers', korean, upTo(json(korean.good), '"messages":[', 12)),
  cut('in a number', german, upTo(json(german.good), '"importance":', 13), 'stop'),
  cut('in a date', french, upTo(json(french.good), '2026-03"', 5)),
  cut('after the first fact', english, upTo(json(english.good), '},{"text"', 1)),
  cut('after the comma of a fact', arabic, upTo(json(arabic.good), '},{"text"', 2)),
  cut('after the last fact, list open', english, upTo(json(english.good), '],"entities"')),
  cut('after the list of facts, by the limit', english, upTo(json(english.good), ',"entities"')),
  cut('in the entities', chinese, upTo(json(chinese.good), '"成都","type"')),
  cut('in the relations', japanese, upTo(json(japanese.good), '"勤務先"', 2), 'stop'),
  cut('in the summary', russian, upTo(json(russian.good), 'бегает по утрам', 6)),
  cut('before the last brace, by the limit', german, json(german.good).slice(0, -1)),
  cut('in a fence', french, `\`\`\`json\n${upTo(pretty(french.good), '"sub_topic"')}`),
  cut('in a closed fence', french, `\`\`\`json\n${upTo(pretty(french.good), '"sub_topic"')}\n\`\`\``, 'stop'),
  cut(
    'in the reasoning',
    english,
    '<think>Let me look at the messages. Message 1 says that Ana is a nurse. "facts": [{"text": "Ana is',
  ),
  cut(
    'in an analysis channel',
    english,
    '<|channel|>analysis<|message|>We have to produce {"facts": [{"text": "Ana is a nurse"}]} maybe',
  ),
  cut(
    'in the second line of JSON lines',
    korean,
    `${json(korean.good.facts[0])}\n${json(korean.good.facts[1]).slice(0, 30)}`,
  ),
  cut('between JSON lines, by the limit', korean, `${json(korean.good.facts[0])}\n`),
  cut('in the second of two answers', german, json(german.good) + json(german.good).slice(0, 60)),
  cut('in a list of texts', arabic, `[${json(arabic.good.facts[0]?.text)}, "سارة عندها`, 'stop'),
  cut('in single quotes', english, "{'facts': [{'text': 'Ana is a nurse in Lyon', 'topic': 'wo", 'stop'),
  cut('in an unquoted text', english, '{facts: [{text: Ana is a nurse at', 'stop'),
  cut(
    'in prose before any facts',
    english,
    'Let me analyse the conversation step by step. First, Ana says that she works as a',
  ),
  cut(
    'in a tool call',
    english,
    '<tool_call>{"name":"memory","arguments":{"facts":[{"text":"Ana is a nurse."}',
    'stop',
  ),
  cut('endless repetition', english, `{"facts":[${`${json(english.good.facts[0])},`.repeat(40)}`),
  cut('an endless text', english, `{"facts":[{"text":"Ana is ${'very '.repeat(300)}`),
]
