import { type BadAnswer, byHand } from './bad-answer.ts'
import type { Talk } from './talk.ts'
import { arabic, chinese, english, french, german, japanese, korean, russian, smallTalk } from './talks.ts'

const refused = (form: string, talk: Talk, raw: string, finish: BadAnswer['finish'] = 'stop') =>
  byHand('refused', form, talk, raw, { unreadable: 'refused' }, finish)
const empty = (form: string, raw: string) => byHand('empty', form, english, raw, { unreadable: 'empty' })
const nothing = (form: string, raw: string) => byHand('nothing to keep', form, smallTalk, raw, { facts: [] })
const prose = (form: string, talk: Talk, raw: string) =>
  byHand('prose', form, talk, raw, { unreadable: 'no_json' })

/** Answers without facts: refusals, empty answers, empty lists and prose. */
export const WITHOUT_FACTS: readonly BadAnswer[] = [
  refused('sorry', english, "I'm sorry, but I can't help with that."),
  refused('cannot', english, 'I cannot process personal health information.'),
  refused('as an AI', english, 'As an AI language model, I do not store personal data about individuals.'),
  refused('curly apostrophe', english, 'I’m sorry, I can’t assist with extracting personal information.'),
  refused('in JSON', english, '{"error":"I cannot extract personal data from this conversation."}'),
  refused('in a wrapper', english, '{"response":"I\'m unable to comply with this request."}'),
  refused('in Chinese', chinese, '抱歉，我无法提供涉及个人隐私的信息提取服务。'),
  refused('in Japanese', japanese, '申し訳ありませんが、個人情報の抽出には対応できません。'),
  refused('in Korean', korean, '죄송하지만 개인 정보를 추출할 수 없습니다.'),
  refused('in French', french, 'Désolé, je ne peux pas traiter ces informations personnelles.'),
  refused('in German', german, 'Es tut mir leid, aber dabei kann ich nicht helfen.'),
  refused('in Russian', russian, 'Извините, но я не могу обработать личные данные.'),
  refused('in Arabic', arabic, 'آسف، لا أستطيع استخراج المعلومات الشخصية.'),
  refused('by the endpoint', english, '', 'refused'),
  refused('by the endpoint, with words', english, 'The content was filtered.', 'refused'),

  empty('no text', ''),
  empty('white space', ' \n\n\t '),
  empty('reasoning only', '<think>There is Ana, a nurse. I should answer with JSON.</think>\n'),
  empty('a byte order mark', '\ufeff'),

  nothing('empty list', '{"facts":[]}'),
  nothing('all lists empty', '{"facts":[],"entities":[],"relations":[],"summary":""}'),
  nothing('a bare empty list', '[]'),
  nothing('a bare empty list in a fence', '```json\n[]\n```'),
  nothing('facts is a word', '{"facts":"none"}'),
  nothing('facts is an empty object', '{"facts":{}}'),
  nothing('facts is an empty string', '{"facts":""}'),
  nothing('stated in words', 'There are no new facts to extract.'),
  nothing('stated in two words', 'No facts.'),
  nothing(
    'stated in words before an empty list',
    'The messages hold only small talk.\n```json\n{"facts": [], "summary": "Ana asks for a capital."}\n```',
  ),
  nothing(
    'a question as a fact',
    '{"facts":[{"text":"What is the capital of Peru?","topic":"other","messages":[3]}]}',
  ),
  nothing('a greeting as a fact', '{"facts":[{"text":"Good morning!","topic":"other","messages":[1]}]}'),
  nothing(
    'a statement of the assistant',
    '{"facts":[{"text":"The capital of Peru is Lima.","topic":"other","messages":[4]}]}',
  ),

  prose(
    'continues the conversation',
    english,
    'Wedding speeches should take about five minutes. What is your favourite memory of Tom?',
  ),
  prose('continues in Chinese', chinese, '祝您出差顺利！成都的火锅非常有名，记得去宽窄巷子逛逛。'),
  prose(
    'describes the task',
    english,
    'To extract facts from the conversation, one would first read each message and then decide what matters.',
  ),
  prose(
    'a description of the user',
    english,
    'Ana is a nurse who lives in Lyon and whose brother Tom is about to get married.',
  ),
  prose(
    'bullets that are not facts',
    english,
    'You could begin the speech with:\n- a story of your childhood\n- how Tom met his wife\n- a wish for both',
  ),
  prose(
    'facts about something else',
    smallTalk,
    'Here are some facts about Lima:\n- Lima has ten million inhabitants.\n- The city was founded in 1535 by Pizarro.\n',
  ),
  prose(
    'a list interrupted by a remark',
    english,
    'Facts:\n- Ana is a nurse in Lyon.\nAnd also these two.\n- Ana is allergic to peanuts.',
  ),
  prose('one word', english, 'OK'),
  prose('the word none', english, 'None'),
  prose('code', english, 'def extract(messages):\n    return [m for m in messages if m]'),
  prose('asks for the messages', french, 'Pourriez-vous me donner le lot de messages à analyser ?'),
  prose('noise', english, '▁▁▁ 000 ▁▁ ### ### ### ||| 000'),
  prose(
    'repeats the prompt',
    english,
    '- One fact per item: a short sentence in the third person.\n- In the language of its message. Never translate.',
  ),
]
