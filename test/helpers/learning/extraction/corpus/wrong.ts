import { type BadAnswer, byHand, json, withFacts } from './bad-answer.ts'
import type { Talk } from './talk.ts'
import { factsOf } from './talk.ts'
import { arabic, chinese, english, japanese, korean, russian } from './talks.ts'

const shape = (form: string, raw: string, talk: Talk = english) =>
  byHand('wrong shape', form, talk, raw, { unreadable: 'wrong_shape' })
const language = (form: string, talk: Talk, texts: readonly string[]) =>
  byHand(
    'wrong language',
    form,
    talk,
    json(withFacts(talk.good, (fact, i) => ({ ...fact, text: texts[i] ?? fact.text }))),
    {
      unreadable: 'wrong_language',
    },
  )

/** Readable JSON that is no usable answer. */
export const WRONG: readonly BadAnswer[] = [
  shape('empty object', '{}'),
  shape('null', '{"result": null}'),
  shape('only a summary', json({ summary: english.good.summary })),
  shape(
    'only entities and relations',
    json({ entities: english.good.entities, relations: english.good.relations }),
  ),
  shape(
    'schema repeated',
    '{"type":"object","properties":{"facts":{"type":"array","items":{"type":"object","properties":{"text":{"type":"string"}}}}},"required":["facts"]}',
  ),
  shape(
    'schema in a schema',
    '{"name":"memory","schema":{"type":"object","properties":{"facts":{"type":"array","items":{"type":"string"}}}}}',
  ),
  shape(
    'template repeated',
    '{"facts":[{"text":"","topic":"","sub_topic":"","messages":[1],"importance":3,"event_date":null}],"entities":[],"relations":[],"summary":""}',
  ),
  shape(
    'types instead of values',
    '{"facts":[{"text":"string","topic":"string","messages":["number"],"importance":"number"}],"summary":"string"}',
  ),
  shape('placeholders', '{"facts":[{"text":"<fact 1>","topic":"<topic>"},{"text":"...","topic":"..."}]}'),
  shape('a profile', '{"name":"Ana","job":"nurse","city":"Lyon","allergies":["peanuts"]}'),
  shape('a profile under facts', '{"facts":{"basic_info":{"name":"Ana"},"work":{"title":"nurse"}}}'),
  shape('the messages repeated', '[{"role":"user","id":1},{"role":"assistant","id":2}]'),
  shape(
    'items without texts',
    '{"facts":[{"topic":"work","importance":4},{"topic":"health","importance":5}]}',
  ),
  shape('numbers', '{"facts":[1,2,3]}'),
  shape('an error object', '{"error":{"code":"context_length_exceeded","type":"invalid_request_error"}}'),
  shape('only a status', '{"success":true,"count":4}'),
  shape('a plan of tool calls', '{"tool":"search","query":"wedding speech"}'),
  shape('only triples', '{"triples":[["Ana","works_at","St Mary\'s hospital"]]}'),
  shape('sentences without their subject', '{"Ana": ["is a nurse in Lyon", "is allergic to peanuts"]}'),
  shape(
    'a triple instead of a fact',
    '{"facts":[{"subject":"Ana","predicate":"works as","object":"nurse"}]}',
  ),
  shape(
    'a broken escape',
    '{"facts":[{"text":"Ana works at caf\\u00e, in Lyon, as a nurse.","topic":"work","messages":[1]}]}',
  ),
  byHand(
    'wrong shape',
    'keys without values',
    english,
    '{"facts","text" "Ana is a nurse at the hospital of Lyon","topic" "work and other things"}',
    { unreadable: 'no_json' },
  ),
  byHand(
    'wrong shape',
    'a Ruby hash',
    english,
    '{:facts => [{:text => "Ana is a nurse.", :topic => "work"}], :summary => "Ana is a nurse."}',
    { unreadable: 'no_json' },
  ),

  language('Chinese talk, English facts', chinese, [
    'Xiaoming is a designer at a game company in Hangzhou.',
    'Xiaoming likes Longjing tea.',
    'Xiaoming travels to Chengdu on 10 June 2026.',
    'His sister says that he must eat hotpot.',
  ]),
  language('Japanese talk, English facts', japanese, [
    'Kenta works at a library in Osaka.',
    "Kenta's hobby is photography.",
    'Kenta is allergic to cats.',
  ]),
  language('Korean talk, English facts', korean, [
    'Minsu lives in Busan with two daughters.',
    'Minsu will move to Jeju in June 2026.',
  ]),
  language('Russian talk, English facts', russian, [
    'Oleg is a programmer from Kazan.',
    'Oleg runs five kilometres.',
    'Oleg only drinks tea.',
  ]),
  language('Arabic talk, English facts', arabic, [
    'Sara is a dentist in Cairo.',
    'Sara has two children and loves reading.',
  ]),
  language('English talk, Chinese facts', english, [
    '安娜是里昂圣玛丽医院的护士。',
    '安娜对花生过敏。',
    '安娜的哥哥汤姆将于6月12日结婚。',
    '汤姆叫她小妹。',
  ]),
  language('Korean talk, Chinese facts', korean, ['民秀住在釜山，有两个女儿。', '民秀将搬到济州岛。']),
  language('one fact of four translated', chinese, ['Xiaoming is a designer at a game company in Hangzhou.']),
  language('Russian in Latin letters', russian, [
    'Oleg programmist iz Kazani.',
    'Oleg begaet kazhdoe utro.',
    'Oleg pyot tolko chay.',
  ]),
  language('UTF-8 decoded as Latin 1', chinese, [
    Buffer.from('小明在杭州的游戏公司当设计师').toString('latin1'),
  ]),

  byHand(
    'giant',
    'longer than any answer',
    english,
    `{"facts":[${`${json(english.good.facts[0])},`.repeat(2_000)}]}`,
    { unreadable: 'too_large' },
  ),
  byHand(
    'giant',
    'an endless fact',
    english,
    json({ facts: [{ text: 'Ana is a nurse and '.repeat(100), topic: 'work', messages: [1] }] }),
    { unreadable: 'too_large' },
  ),
  byHand(
    'giant',
    'more facts than a batch can have',
    english,
    json({
      facts: Array.from({ length: 150 }, (_, i) => ({
        text: `Ana likes the number ${i}.`,
        topic: 'preferences',
        messages: [1],
      })),
    }),
    { unreadable: 'too_large' },
  ),
  byHand(
    'giant',
    'the same facts 100 times',
    english,
    json({ facts: Array.from({ length: 100 }, () => english.good.facts).flat() }),
    { facts: factsOf(english) },
  ),
  byHand('giant', 'endless brackets', english, `${'['.repeat(5_000)}`, { unreadable: 'truncated' }),
  byHand(
    'giant',
    '100,000 spaces between keys',
    english,
    json(english.good).replace('"entities"', `${' '.repeat(100_000)}"entities"`),
    { facts: factsOf(english) },
  ),
]
