import { type Form, json, pretty, withFacts } from './bad-answer.ts'
import { textsAlone } from './talk.ts'

/** Invalid JSON. */
export const SYNTAX: readonly Form[] = [
  {
    form: 'single quotes',
    spoil: (good) =>
      json(good)
        .replaceAll("'", "\\'")
        .replace(/(?<!\\)"/gu, "'")
        .replaceAll('\\"', '"'),
  },
  {
    form: 'single quotes, unescaped apostrophes',
    spoil: (good) =>
      json(good)
        .replace(/(?<!\\)"/gu, "'")
        .replaceAll('\\"', '"'),
  },
  { form: 'python literals', spoil: (good) => pretty(good).replaceAll('null', 'None') },
  { form: 'trailing commas', spoil: (good) => pretty(good).replace(/([}\]"\d])(?=\n\s*[}\]])/gu, '$1,') },
  { form: 'no commas between items', spoil: (good) => pretty(good).replace(/\},(?=\n)/gu, '}') },
  { form: 'no commas between keys', spoil: (good) => pretty(good).replace(/([\d"\]l]),(?=\n\s*")/gu, '$1') },
  { form: 'doubled commas', spoil: (good) => pretty(good).replaceAll('},\n', '},,\n') },
  {
    form: 'line comments',
    spoil: (good) => pretty(good).replace(/("importance": \d,)/gu, '$1 // how much it "matters"'),
  },
  {
    form: 'block comments',
    spoil: (good) => pretty(good).replaceAll('"facts": [', '/* what was said */ "facts": [ /* {} */'),
  },
  { form: 'unquoted keys', spoil: (good) => json(good).replace(/"(\w+)":/gu, '$1:') },
  {
    form: 'unquoted keys and words',
    spoil: (good) =>
      pretty(good)
        .replace(/"(\w+)":/gu, '$1:')
        .replace(/(topic: )"(\w+)"/gu, '$1$2'),
  },
  {
    form: 'smart quotes',
    spoil: (good) =>
      json(good).replace(/(?<!\\)"([^"\\]*(?:\\.[^"\\]*)*)"/gu, (_, inner: string) => `“${inner}”`),
  },
  { form: 'backticks', spoil: (good) => json(good).replace(/"text":"((?:[^"\\]|\\.)*)"/gu, '"text":`$1`') },
  { form: 'unescaped quotes inside texts', spoil: (good) => pretty(good).replaceAll('\\"', '"') },
  {
    form: 'strings joined with a plus',
    spoil: (good) => json(good).replace(/"text":"((?:[^"\\]|\\.){8})/gu, '"text":"$1" +\n  "'),
  },
  {
    form: 'line breaks in strings',
    spoil: (good) => json(good).replace(/"summary":"(\S+) ?/u, '"summary":"$1\n'),
  },
  { form: 'tabs in strings', spoil: (good) => json({ ...good, summary: 'S' }).replace('"S"', '"a\tb"') },
  {
    form: '\\u escapes of every non-ASCII character',
    spoil: (good) =>
      json(good).replace(/[^\x20-\x7e]/gu, (one) =>
        [...one].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join(''),
      ),
  },
  {
    form: 'doubly escaped',
    spoil: (good) =>
      json(good).replace(
        /[^\x20-\x7e]/gu,
        (one) => `\\\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`,
      ),
  },
  {
    form: '\\x escapes',
    spoil: (good) =>
      json(good)
        .replace(/[\u0080-\u00ff]/gu, (one) => `\\x${one.charCodeAt(0).toString(16)}`)
        .replace(/"topic":"(.)/gu, (_, c: string) => `"topic":"\\x${c.charCodeAt(0).toString(16)}`),
  },
  { form: 'escaped apostrophes', spoil: (good) => json(good).replaceAll("'", "\\'") },
  { form: 'lone surrogates', spoil: (good) => json(good).replace(/"text":"/gu, '"text":"\\ud83d') },
  {
    form: 'escaped markdown',
    spoil: (good) =>
      json(good).replaceAll('sub_topic', 'sub\\_topic').replaceAll('event_date', 'event\\_date'),
  },
  {
    form: 'closing brace missing in a fence',
    spoil: (good) => `\`\`\`json\n${pretty(good).slice(0, -2)}\n\`\`\`\nDone.`,
  },
  { form: 'closing brace missing', spoil: (good) => json(good).slice(0, -1) },
  { form: 'brace of a fact missing', spoil: (good) => json(good).replace('}],"entities"', '],"entities"') },
  { form: 'one bracket too many', spoil: (good) => json(good).replace('],"entities"', ']],"entities"') },
  { form: 'two braces too many', spoil: (good) => `${json(good)}}}` },
  {
    form: 'parentheses instead of brackets',
    spoil: (good) => json(good).replace(/"messages":\[([\d,]*)\]/gu, '"messages":($1)'),
  },
  {
    form: 'missing values',
    spoil: (good) => json(good).replaceAll('"event_date":null', '"event_date":'),
  },
  {
    form: 'ellipsis at the end of a list',
    spoil: (good) => json(good).replace('],"entities"', ', ...],"entities"'),
  },
  {
    form: 'an equals sign instead of a colon',
    spoil: (good) => json(good).replace('"facts":', '"facts" = '),
  },
  {
    form: 'closing quote of a text missing',
    spoil: (good) => pretty(good).replace(/("text": "(?:[^"\\]|\\.)*)",\n/u, '$1,\n'),
  },
  { form: 'upper case literals', spoil: (good) => pretty(good).replaceAll('null', 'NULL') },
  {
    form: 'texts instead of objects',
    spoil: (good) => json(withFacts(good, ({ text }) => text)),
    expect: (talk) => ({ facts: textsAlone(talk) }),
  },
  {
    form: 'a bare list of texts',
    spoil: (good) => json(good.facts.map(({ text }) => text)),
    expect: (talk) => ({ facts: textsAlone(talk) }),
  },
  {
    form: 'a bare list of texts in single quotes',
    spoil: (good) => `[${good.facts.map(({ text }) => `'${text}'`).join(', ')}]`,
    expect: (talk) => ({ facts: textsAlone(talk) }),
  },
]
