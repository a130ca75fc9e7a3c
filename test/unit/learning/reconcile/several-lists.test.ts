import { expect, it } from 'vitest'
import { readDecisions } from '../../../../sidecar/learning/reconcile/read-decisions.ts'

const add = (fact: number, why: string) => ({ fact, action: 'ADD', why })

/** The reasons of the decisions about the facts 1 and 2. */
function read(text: string) {
  const factNumber = new Map([
    [0, 1],
    [1, 2],
  ])
  const completion = { text, calls: [], finish: 'stop' as const, model: 'm' }
  const { byFact } = readDecisions(completion, { factNumber, choices: new Map() } as never, [0, 1])
  return [...byFact.values()].flat().map(({ why }) => why)
}

it.each([
  ['the last of two lists', [{ decisions: [add(1, 'draft')] }, { decisions: [add(1, 'a'), add(2, 'b')] }]],
  ['one decision per line', [add(1, 'a'), add(2, 'b')]],
  ['a list after an object without decisions', [{ note: 'hm' }, [add(1, 'a'), add(2, 'b')]]],
])('reads %s', (_, values) => {
  expect(read(values.map((value) => JSON.stringify(value)).join('\n'))).toEqual(['a', 'b'])
})
