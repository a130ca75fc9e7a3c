import { decodeEntities } from '../../../../sidecar/memory/extract/answer/clean.ts'
import { type BadAnswer, byHand, type Form } from './bad-answer.ts'
import { factsOf, type Talk, textsAlone } from './talk.ts'
import { chinese, english, french, german } from './talks.ts'

/** What a list of lines keeps: texts and their messages. */
function textsWithSources(talk: Talk) {
  return { facts: textsAlone(talk).map((fact, i) => ({ ...fact, source: factsOf(talk)[i]?.source ?? [] })) }
}

function withTopics(talk: Talk) {
  return { facts: textsAlone(talk).map((fact, i) => ({ ...fact, topic: factsOf(talk)[i]?.topic ?? '' })) }
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}

/** Facts in formats that nobody asked for. */
export const FORMATS: readonly Form[] = [
  {
    form: 'xml elements',
    spoil: ({ facts }) =>
      `<facts>\n${facts.map((fact) => `  <fact>\n    <text>${escaped(fact.text)}</text>\n    <topic>${fact.topic}</topic>\n    <sub_topic>${fact.sub_topic}</sub_topic>\n    <messages>${fact.messages}</messages>\n    <importance>${fact.importance}</importance>\n    <event_date>${fact.event_date ?? ''}</event_date>\n  </fact>`).join('\n')}\n</facts>`,
  },
  {
    form: 'xml attributes',
    spoil: ({ facts }) =>
      facts
        .map(
          (fact) =>
            `<fact topic="${fact.topic}" sub_topic="${fact.sub_topic}" messages="${fact.messages}" importance="${fact.importance}" event_date="${fact.event_date ?? 'null'}">${escaped(fact.text)}</fact>`,
        )
        .join('\n'),
  },
  {
    form: 'yaml',
    spoil: ({ facts }) =>
      `facts:\n${facts.map((fact) => `  - text: '${fact.text.replaceAll("'", "''")}'\n    topic: ${fact.topic}\n    sub_topic: ${fact.sub_topic}\n    messages: [${fact.messages}]\n    importance: ${fact.importance}\n    event_date: ${fact.event_date ? `'${fact.event_date}'` : 'null'}`).join('\n')}\nentities: []\n`,
  },
  {
    form: 'yaml, a list alone',
    spoil: ({ facts }) =>
      facts
        .map(({ text, topic }) => `- fact: "${text.replaceAll('"', '\\"')}"\n  topic: ${topic}`)
        .join('\n'),
    expect: withTopics,
  },
  {
    form: 'yaml in a fence, after words',
    spoil: ({ facts }) =>
      `Here is what I found.\n\n\`\`\`yaml\nfacts:\n${facts.map((fact) => `- text: |-\n    ${fact.text}\n  topic: ${fact.topic}\n  sub_topic: ${fact.sub_topic}\n  messages:\n  - ${fact.messages}\n  importance: ${fact.importance}\n  event_date: ${fact.event_date ? `"${fact.event_date}"` : '~'}`).join('\n')}\n\`\`\`\nDone.`,
  },
  {
    form: 'table',
    spoil: ({ facts }) =>
      `| text | topic | sub_topic | messages | importance | event_date |\n|---|---|---|---|---|---|\n${facts.map((fact) => `| ${fact.text} | ${fact.topic} | ${fact.sub_topic} | ${fact.messages} | ${fact.importance} | ${fact.event_date ?? '-'} |`).join('\n')}`,
  },
  {
    form: 'bullets',
    spoil: ({ facts }) => `Facts:\n${facts.map(({ text }) => `- ${text}`).join('\n')}`,
    expect: (talk) => ({ facts: textsAlone(talk) }),
  },
  {
    form: 'stars under a heading',
    spoil: ({ facts }) => `## Extracted facts\n\n${facts.map(({ text }) => `* ${text}`).join('\n')}\n`,
    expect: (talk) => ({ facts: textsAlone(talk) }),
  },
  {
    form: 'numbered',
    spoil: ({ facts }) =>
      `Here are the facts:\n\n${facts.map(({ text }, i) => `${i + 1}. ${text}`).join('\n')}\n\nLet me know!`,
    expect: (talk) => ({ facts: textsAlone(talk) }),
  },
  {
    form: 'bullets with their messages',
    spoil: ({ facts }) =>
      `**Facts:**\n${facts.map(({ text, messages }) => `- ${text} [${messages}]`).join('\n')}`,
    expect: textsWithSources,
  },
  {
    form: 'numbered with "(message 1)"',
    spoil: ({ facts }) =>
      `### Memories\n${facts.map(({ text, messages }, i) => `${i + 1}) ${text} (message ${messages})`).join('\n')}`,
    expect: textsWithSources,
  },
  {
    form: 'bullets with a bold topic',
    spoil: ({ facts }) => `Facts:\n${facts.map(({ text, topic }) => `- **${topic}**: ${text}`).join('\n')}`,
    expect: withTopics,
  },
  {
    form: 'bullets under topics',
    spoil: ({ facts }) => `# Facts\n${facts.map(({ text, topic }) => `**${topic}**\n- ${text}`).join('\n')}`,
    expect: withTopics,
  },
  {
    form: 'topic::text',
    spoil: ({ facts }) => `Facts:\n${facts.map(({ text, topic }) => `- ${topic}::${text}`).join('\n')}`,
    expect: withTopics,
  },
  {
    form: 'html list',
    spoil: ({ facts }) =>
      `<h3>Facts:</h3><ul>${facts.map(({ text }) => `<li>${decodeEntities(text)}</li>`).join('')}</ul>`,
    expect: (talk) => ({ facts: textsAlone(talk) }),
  },
  {
    form: 'facts as one text of lines',
    spoil: ({ facts }) => JSON.stringify({ facts: facts.map(({ text }) => `- ${text}`).join('\n') }),
    expect: (talk) => ({ facts: textsAlone(talk) }),
  },
  {
    form: 'json by topic, texts alone',
    spoil: ({ facts }) =>
      JSON.stringify(
        Object.fromEntries(
          [...new Set(facts.map(({ topic }) => topic))].map((topic) => [
            topic,
            facts.filter((one) => one.topic === topic).map(({ text }) => text),
          ]),
        ),
      ),
    expect: withTopics,
  },
]

const first = (talk: Talk) => textsAlone(talk).slice(0, 1)

export const ODD: readonly BadAnswer[] = [
  byHand(
    'other formats',
    'bullets that go on in the next line',
    english,
    "Facts:\n- Ana is a nurse at St Mary's\n  hospital in Lyon.\n- Ana is allergic to peanuts.\n",
    { facts: textsAlone(english).slice(0, 2) },
  ),
  byHand(
    'other formats',
    'bullets in Chinese',
    chinese,
    '以下是提取的事实：\n1、小明在杭州的一家游戏公司当设计师。\n',
    { facts: first(chinese) },
  ),
  byHand(
    'other formats',
    'facts, then entities',
    german,
    `## Fakten\n- ${german.good.facts[0]?.text}\n\n## Entities\n- Bello the dog of Jörg\n`,
    { facts: first(german) },
  ),
  byHand('other formats', 'one fact and nothing else', french, JSON.stringify(french.good.facts[0]), {
    facts: factsOf(french).slice(0, 1),
  }),
  byHand(
    'other formats',
    'one fact under "fact"',
    english,
    JSON.stringify({
      fact: english.good.facts[0]?.text,
      topic: 'work',
      sub_topic: 'employer',
      messages: [1],
      importance: 4,
    }),
    { facts: factsOf(english).slice(0, 1) },
  ),
  byHand(
    'other formats',
    'one fact, not in a list',
    english,
    JSON.stringify({ facts: english.good.facts[0] }),
    { facts: factsOf(english).slice(0, 1) },
  ),
]
