import type { Completion } from '../../../../sidecar/ports/language-model.ts'

/**
 * Malformed answers of weak models. The request: memories 1 "User lives in Leeds" (k1), 2 "User has a cat named Miso"
 * (k2); facts 3 "User moved to Porto" → 1 and 4 "User got a second cat named Momo" → 2. Each answer is given twice,
 * because a model repeats its mistake. `becomes`: the decisions, or `unreadable`.
 */
export interface BadAnswer {
  name: string
  answer: Partial<Completion>
  becomes: string[] | 'unreadable'
  asked: 1 | 2
}

export const PORTO = 'User moved to Porto'
export const MOMO = 'User got a second cat named Momo'

const MOVED = `0 UPDATE k1: ${PORTO}`
const GOOD = [MOVED, '1 ADD']
const ADDED = ['0 ADD', '1 ADD']

const call = (args: string, name = 'decide') => ({ name, arguments: args })
const calls = (args: string): Partial<Completion> => ({ calls: [call(args)] })
const json = (value: unknown) => calls(JSON.stringify(value))
const item = (fact: unknown, action: unknown, memory: unknown = null, text: unknown = null) => ({
  fact,
  why: 'w',
  action,
  memory,
  text,
})
const items = (...list: unknown[]) => json({ items: list })
const move = item(3, 'UPDATE', 1)
const add = item(4, 'ADD')
const good = JSON.stringify({ items: [move, add] })

/** [name, answer, becomes, asked] */
const rows: [string, Partial<Completion>, string[] | 'unreadable', 1 | 2][] = [
  // Shapes
  ['nothing', {}, 'unreadable', 2],
  ['a refusal', { finish: 'refused', text: 'I cannot help with that.' }, 'unreadable', 2],
  ['prose', { text: 'The user moved, so update 1 with 3.' }, 'unreadable', 2],
  ['an empty list', json({ items: [] }), 'unreadable', 2],
  ['an empty object', json({}), 'unreadable', 2],
  ['null', json(null), 'unreadable', 2],
  ['a number', json(7), 'unreadable', 2],
  ['empty arguments', calls(''), 'unreadable', 2],
  ['items null', json({ items: null }), 'unreadable', 2],
  ['items of texts', json({ items: ['3 UPDATE 1', '4 ADD'] }), 'unreadable', 2],
  ['another function', { calls: [call(good, 'delete_all')] }, 'unreadable', 2],
  ['fences', { text: `\`\`\`json\n${good}\n\`\`\`` }, GOOD, 1],
  ['prose around', { text: `Let me see {3} and [4].\n${good}\nThat is all.` }, GOOD, 1],
  ['thoughts before', { text: `<think>{"fact"?}</think>${good}` }, GOOD, 1],
  ['a bare list', json([move, add]), GOOD, 1],
  ['one object a line', { text: `${JSON.stringify(move)}\n${JSON.stringify(add)}` }, GOOD, 1],
  ['another key for the list', json({ decisions: [move, add] }), GOOD, 1],
  ['arguments inside arguments', json({ arguments: { items: [move, add] } }), GOOD, 1],
  ['a list in a string', json({ items: JSON.stringify([move, add]) }), GOOD, 1],
  [
    'calls written as text',
    { text: JSON.stringify({ calls: [{ name: 'decide', arguments: { items: [move, add] } }] }) },
    GOOD,
    1,
  ],
  [
    'calls as text, arguments as a string',
    { text: JSON.stringify({ calls: [{ name: 'decide', arguments: good }] }) },
    GOOD,
    1,
  ],
  [
    'single quotes',
    calls("{'items':[{'fact':3,'action':'UPDATE','memory':1},{'fact':4,'action':'ADD'}]}"),
    GOOD,
    1,
  ],
  ['no quotes at keys', calls('{items:[{fact:3,action:"UPDATE",memory:1},{fact:4,action:"ADD"}]}'), GOOD, 1],
  [
    'trailing commas',
    calls('{"items":[{"fact":3,"action":"UPDATE","memory":1,},{"fact":4,"action":"ADD",},],}'),
    GOOD,
    1,
  ],
  [
    'comments',
    calls(`{"items":[/* moved */${JSON.stringify(move)},${JSON.stringify(add)}]} // done`),
    GOOD,
    1,
  ],
  [
    'Python words',
    calls(
      "{'items':[{'fact':3,'action':'UPDATE','memory':1,'text':None},{'fact':4,'action':'ADD','memory':None}]}",
    ),
    GOOD,
    1,
  ],
  ['a bad escape', calls(good.replace('"w"', '"w\\q"')), GOOD, 1],
  ['a bare line break in a string', calls(good.replace('"w"', '"w\nw"')), GOOD, 1],
  ['a missing bracket at the end', calls(good.slice(0, -2)), GOOD, 1],
  ['cut within the second', { ...calls(good.slice(0, -12)), finish: 'length' }, [MOVED, '1 ADD'], 2],
  ['cut within the first', { ...calls(good.slice(0, 40)), finish: 'length' }, 'unreadable', 2],
  ['cut within a number', calls('{"items":[{"fact":3,"action":"DELETE","memory":1'), 'unreadable', 2],
  ['a huge list of nothing', json({ items: Array.from({ length: 5_000 }, () => ({})) }), 'unreadable', 2],
  [
    'the same decision a thousand times',
    items(...Array.from({ length: 1_500 }, () => move), add),
    [MOVED, '1 ADD'],
    2,
  ],
  ['deep nesting', { text: '['.repeat(50_000) }, 'unreadable', 2],
  ['deep nesting around', { text: `${'['.repeat(500)}${good}` }, GOOD, 1],
  ['a huge text', items(item(3, 'UPDATE', 1, 'Porto '.repeat(9_000)), add), GOOD, 1],
  ['longer than the limit', { text: `x${' '.repeat(200_000)}${good}` }, 'unreadable', 2],
  // Several calls
  ['one call for each', { calls: [call(JSON.stringify(move)), call(JSON.stringify(add))] }, GOOD, 1],
  ['a call of another function beside', { calls: [call('{"all":true}', 'forget'), call(good)] }, GOOD, 1],
  ['the function under a prefix', { calls: [call(good, 'functions.decide')] }, GOOD, 1],
  [
    'call and text that differ: the call',
    { calls: [call(good)], text: JSON.stringify([item(3, 'NOOP', 1)]) },
    GOOD,
    1,
  ],
  ['an unreadable call and a readable text', { calls: [call('?')], text: good }, GOOD, 1],
  // Numbers
  ['numbers as strings', items(item('3', 'UPDATE', '1'), item('4', 'ADD')), GOOD, 1],
  ['numbers with signs', items(item('#3', 'UPDATE', 'M1'), item('F4', 'ADD')), GOOD, 1],
  ['a memory that is none', items(item(3, 'UPDATE', 99), add), ADDED, 2],
  ['a memory of another fact', items(item(3, 'DELETE', 2), add), ADDED, 2],
  ['an id the model invented', items(item(3, 'UPDATE', 'k1'), add), ADDED, 2],
  ['a negative memory', items(item(3, 'DELETE', -1), add), ADDED, 2],
  ['zero', items(item(3, 'NOOP', 0), add), ADDED, 2],
  ['a fraction', items(item(3, 'DELETE', 1.5), add), ADDED, 2],
  ['a list of memories', items(item(3, 'DELETE', [1, 2]), add), ADDED, 2],
  ['true as a number', items(item(3, 'DELETE', true), add), ADDED, 2],
  ['the fact as its own memory', items(item(3, 'UPDATE', 3), add), ADDED, 2],
  ['an earlier fact that is not near', items(move, item(4, 'UPDATE', 3)), [MOVED, '1 ADD'], 2],
  ['a later fact as memory', items(item(3, 'UPDATE', 4), add), ADDED, 2],
  ['a fact that is none', items(item(7, 'DELETE', 1), move, add), GOOD, 1],
  ['a memory as fact', items(item(1, 'DELETE', 1), move, add), GOOD, 1],
  ['no fact', items({ action: 'DELETE', memory: 1 }, move, add), GOOD, 1],
  ['a number beyond all bounds', items(item(1e300, 'ADD'), item('99999999999', 'ADD'), move, add), GOOD, 1],
  ['both null', items(item(null, null), item(null, 'ADD')), 'unreadable', 2],
  // Actions
  ['lower case', items(item(3, 'update', 1), item(4, 'add')), GOOD, 1],
  ['an unknown action', items(item(3, 'MERGE', 1), add), ADDED, 2],
  ['an object as action', items(item(3, { type: 'UPDATE' }, 1), add), ADDED, 2],
  ['an erase command as action', items(item(3, 'DELETE_ALL', 1), item(4, 'DROP TABLE', 2)), 'unreadable', 2],
  ['NONE', items(item(3, 'NONE', 1), add), ['0 NOOP k1', '1 ADD'], 1],
  ['no-op', items(item(3, 'no-op', 1), add), ['0 NOOP k1', '1 ADD'], 1],
  ['UPDATE of nothing', items(item(3, 'UPDATE'), add), ADDED, 2],
  ['DELETE of nothing', items(item(3, 'DELETE'), add), ADDED, 2],
  ['NOOP of nothing', items(item(3, 'NOOP'), add), ADDED, 2],
  ['ADD with a memory', items(move, item(4, 'ADD', 2)), GOOD, 1],
  // Texts
  ['the old text written back', items(item(3, 'UPDATE', 1, 'User lives in Leeds'), add), GOOD, 1],
  ['a text of blanks', items(item(3, 'UPDATE', 1, ' \n '), add), GOOD, 1],
  ['a number as text', items(item(3, 'UPDATE', 1, 42), add), GOOD, 1],
  ['a text about something else', items(item(3, 'UPDATE', 1, 'User has a cat named Miso'), add), GOOD, 1],
  [
    'a text with half a character',
    items(item(3, 'UPDATE', 1, 'User lives in Porto \ud83d'), add),
    ['0 UPDATE k1: User lives in Porto \ufffd', '1 ADD'],
    1,
  ],
  // Conflicts
  ['a bare DELETE', items(item(3, 'DELETE', 1), add), GOOD, 1],
  ['DELETE and ADD', items(item(3, 'DELETE', 1), item(3, 'ADD'), add), GOOD, 1],
  ['UPDATE and DELETE of one', items(move, item(3, 'DELETE', 1), add), GOOD, 1],
  ['UPDATE and ADD', items(move, item(3, 'ADD'), add), GOOD, 1],
  ['UPDATE and NOOP', items(item(3, 'NOOP', 1), move, add), GOOD, 1],
  ['ADD and NOOP', items(item(3, 'NOOP', 1), item(3, 'ADD'), add), ADDED, 1],
  ['NOOP and DELETE of one', items(item(3, 'NOOP', 1), item(3, 'DELETE', 1), add), ['0 NOOP k1', '1 ADD'], 1],
  [
    'all four',
    items(...['ADD', 'UPDATE', 'DELETE', 'NOOP'].map((action) => item(3, action, 1)), add),
    GOOD,
    1,
  ],
  ['one fact left out', items(move), [MOVED, '1 ADD'], 2],
  [
    '__proto__ as a key',
    calls(`{"__proto__":{"fact":3},"items":[${JSON.stringify(move)},${JSON.stringify(add)}]}`),
    GOOD,
    1,
  ],
]

export const BAD_ANSWERS: BadAnswer[] = rows.map(([name, answer, becomes, asked]) => ({
  name,
  answer,
  becomes,
  asked,
}))
