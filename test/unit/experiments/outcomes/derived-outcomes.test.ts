import { describe, expect, it } from 'vitest'
import {
  DERIVED_OUTCOMES,
  DerivedOutcomes,
} from '../../../../sidecar/experiments/outcomes/derived-outcomes.ts'
import { RecentExposures } from '../../../../sidecar/experiments/outcomes/recent-exposures.ts'
import { LOWER_IS_BETTER } from '../../../../sidecar/experiments/report/settings.ts'

const scope = { namespace: 'default', userId: 'ada' }
const GREYHOUND = { id: 'm1', text: 'My rescued greyhound used to race as Tuppenny Hurricane.', context: '' }
const PENICILLIN = { id: 'm2', text: "I'm allergic to penicillin, it gives me a rash.", context: '' }

function chat(options: { exposures?: RecentExposures; record?: () => Promise<void> } = {}) {
  /** The latest value by name and turn. */
  const values = new Map<string, number | null>()
  const failures: unknown[] = []
  const derived = new DerivedOutcomes({
    record: async (_, { name, value, conversationId, turn }) => {
      await options.record?.()
      values.set(`${conversationId} ${turn} ${name}`, value)
    },
    onFailure: (error) => failures.push(error),
    ...options,
  })
  return {
    derived,
    failures,
    recall(turn: number, query: string, memories = [GREYHOUND, PENICILLIN], conversationId = 'c1') {
      derived.recalled({ scope, conversationId, turn, query, memories })
    },
    async add(turn: number, user: string, answer: string, { isNew = true, conversationId = 'c1' } = {}) {
      const messages = [
        { role: 'user', content: user },
        { role: 'assistant', content: answer },
      ]
      derived.added({ scope, conversationId, turn, messages, isNew })
      await derived.drained()
    },
    valueAt: (turn: number, name: string, conversationId = 'c1') =>
      values.get(`${conversationId} ${turn} ${name}`),
    values,
  }
}

describe('a turn under an experiment', () => {
  it('has the value 0 for what did not happen', async () => {
    const { recall, add, values } = chat()
    recall(1, 'What was my dog called on the track?')
    await add(1, 'What was my dog called on the track?', 'He ran as Tuppenny Hurricane!')
    expect(Object.fromEntries(values)).toEqual({
      'c1 1 regenerated': 0,
      'c1 1 repeated_or_corrected': 0,
      'c1 1 memory_corrected': 0,
      'c1 1 grounded_share': 0.5,
    })
  })

  it('has no outcome without a recall, a conversation or a turn', async () => {
    const { derived, recall, add, values } = chat()
    await add(1, 'What was my dog called?', 'Tuppenny Hurricane.')
    derived.recalled({ scope, conversationId: undefined, turn: 2, query: 'Who?', memories: [] })
    derived.recalled({ scope, conversationId: 'c1', turn: undefined, query: 'Who?', memories: [] })
    derived.added({ scope, conversationId: undefined, turn: undefined, messages: [], isNew: true })
    recall(3, 'Who?')
    await add(4, 'Who?', 'You.')
    expect(values.size).toBe(0)
  })
})

describe('regenerated', () => {
  const QUESTION = 'What was my dog called on the track?'

  it('is 1 when the turn is added again with another answer', async () => {
    const { recall, add, valueAt } = chat()
    recall(1, QUESTION)
    await add(1, QUESTION, 'I do not know.')
    await add(1, QUESTION, 'Tuppenny Hurricane.', { isNew: false })
    expect(valueAt(1, 'regenerated')).toBe(1)
  })

  it('is 1 as soon as an answered turn is recalled again', async () => {
    const { derived, recall, add, valueAt } = chat()
    recall(1, QUESTION)
    await add(1, QUESTION, 'Tuppenny Hurricane.')
    recall(1, QUESTION)
    await derived.drained()
    expect(valueAt(1, 'regenerated')).toBe(1)
    await add(1, QUESTION, 'Tuppenny Hurricane.', { isNew: false })
    expect(valueAt(1, 'regenerated')).toBe(1)
  })

  it('is 0 for a retried recall and for a retried addition', async () => {
    const { recall, add, valueAt } = chat()
    recall(1, QUESTION)
    recall(1, QUESTION)
    await add(1, QUESTION, 'Tuppenny Hurricane.')
    await add(1, QUESTION, 'Tuppenny Hurricane.', { isNew: false })
    expect(valueAt(1, 'regenerated')).toBe(0)
  })

  it('is 0 when the user edited the message', async () => {
    const { recall, add, valueAt } = chat()
    recall(1, QUESTION)
    await add(1, QUESTION, 'I do not know.')
    recall(1, 'What was my cat called?')
    await add(1, 'What was my cat called?', 'I do not know.', { isNew: false })
    expect(valueAt(1, 'regenerated')).toBe(0)
  })

  it('is missing for a turn that was answered before the restart', async () => {
    const { recall, add, valueAt } = chat()
    recall(1, QUESTION)
    await add(1, QUESTION, 'Tuppenny Hurricane.', { isNew: false })
    expect(valueAt(1, 'regenerated')).toBeUndefined()
    expect(valueAt(1, 'grounded_share')).toBe(0.5)
  })

  it('replaces the grounded share of the first answer', async () => {
    const { recall, add, valueAt } = chat()
    recall(1, QUESTION)
    await add(1, QUESTION, 'I do not know.')
    expect(valueAt(1, 'grounded_share')).toBe(0)
    recall(1, QUESTION, [GREYHOUND])
    await add(1, QUESTION, 'Tuppenny Hurricane.', { isNew: false })
    expect(valueAt(1, 'grounded_share')).toBe(1)
  })
})

describe('repeated_or_corrected', () => {
  it('is 1 when the user asks the same as in an earlier turn', async () => {
    const { recall, add, valueAt } = chat()
    for (const [turn, question] of [
      "What's my dog's name?",
      'I see.',
      "Sorry, what is my dog's name again?",
    ].entries()) {
      recall(turn + 1, question)
      await add(turn + 1, question, 'I do not know.')
    }
    expect([1, 2, 3].map((turn) => valueAt(turn, 'repeated_or_corrected'))).toEqual([0, 0, 1])
  })

  it('is 1 when the user says that the assistant forgot something', async () => {
    const { recall, add, valueAt } = chat()
    recall(1, 'x')
    await add(1, 'I already told you that I am vegetarian.', 'Sorry!')
    expect(valueAt(1, 'repeated_or_corrected')).toBe(1)
  })

  it('is 0 in another conversation, and for the same turn again', async () => {
    const { recall, add, valueAt } = chat()
    recall(1, "What's my dog's name?")
    await add(1, "What's my dog's name?", 'No idea.')
    await add(1, "What's my dog's name?", 'Rex.', { isNew: false })
    recall(2, "What's my dog's name?", [GREYHOUND], 'c2')
    await add(2, "What's my dog's name?", 'No idea.', { conversationId: 'c2' })
    expect(valueAt(1, 'repeated_or_corrected')).toBe(0)
    expect(valueAt(2, 'repeated_or_corrected', 'c2')).toBe(0)
  })
})

describe('memory_corrected', () => {
  it('is 1 for the latest turn that a corrected memory was injected into', async () => {
    const { derived, recall, add, valueAt } = chat()
    for (const turn of [1, 2, 3]) {
      recall(turn, 'x', turn === 3 ? [PENICILLIN] : [GREYHOUND])
      await add(turn, 'x', 'y')
    }
    derived.corrected(scope, 'm1')
    derived.corrected(scope, 'unknown')
    derived.corrected({ ...scope, userId: 'bob' }, 'm2')
    await derived.drained()
    expect([1, 2, 3].map((turn) => valueAt(turn, 'memory_corrected'))).toEqual([0, 1, 0])
  })

  it('is 1 when the correction precedes the addition of the turn', async () => {
    const { derived, recall, add, valueAt } = chat()
    recall(1, 'x')
    derived.corrected(scope, 'm1')
    await add(1, 'x', 'y')
    expect(valueAt(1, 'memory_corrected')).toBe(1)
  })
})

describe('bounds', () => {
  it('drops the conversations that were used least recently', async () => {
    const { recall, add, values } = chat({ exposures: new RecentExposures({ maxConversations: 2 }) })
    for (const id of ['c1', 'c2', 'c3']) recall(1, 'x', [GREYHOUND], id)
    for (const id of ['c1', 'c2', 'c3']) await add(1, 'x', 'y', { conversationId: id })
    expect([...new Set([...values.keys()].map((key) => key.slice(0, 2)))]).toEqual(['c2', 'c3'])
  })

  it('keeps the texts of all conversations below a number of characters', () => {
    const exposures = new RecentExposures({ maxChars: 10_000 })
    const { recall } = chat({ exposures })
    const long = { id: 'long', text: 'x'.repeat(4000), context: '' }
    for (let i = 0; i < 10; i++) recall(1, 'x', [long], `c${i}`)
    expect(exposures.of(scope).map(({ conversationId }) => conversationId)).toEqual(['c9', 'c8'])
  })

  it('forgets a user', async () => {
    const { derived, recall, add, values } = chat()
    recall(1, 'x')
    derived.forget(scope)
    await add(1, 'x', 'y')
    expect(values.size).toBe(0)
  })

  it('reports failures of the store and continues', async () => {
    const { recall, add, failures } = chat({ record: () => Promise.reject(new Error('away')) })
    recall(1, 'x')
    await add(1, 'x', 'y')
    expect(failures).toHaveLength(4)
  })
})

it('the report knows of each derived outcome whether less of it is better', () => {
  expect([...LOWER_IS_BETTER, 'grounded_share'].sort()).toEqual([...DERIVED_OUTCOMES].sort())
})
