import { describe, expect, it } from 'vitest'
import { selectRecent, selectStatic } from '../../../../sidecar/retrieval/profile/parts.ts'
import { createSlotter } from '../../../../sidecar/retrieval/profile/slots.ts'
import { DAY, type FactFields, fact, START } from '../../../helpers/retrieval/profile/helpers.ts'

const place = (fields: FactFields) => createSlotter([])(fact(fields))
const OLD = START - 31 * DAY

describe('selectStatic', () => {
  it.each([
    'basic_info',
    'contact',
    'work',
    'education',
    'relationships',
    'health',
    'preferences',
    'Basic Info',
  ])('includes the topic %s, which selectRecent excludes', (topic) => {
    const placed = [place({ text: 'x', topic })]
    expect(selectStatic(placed)).toEqual(placed)
    expect(selectRecent(placed, START)).toEqual([])
  })

  it.each(['interests', 'plans', 'life_events', 'other', null])('excludes the topic %s', (topic) => {
    expect(selectStatic([place({ text: 'x', topic })])).toEqual([])
  })
})

describe('selectRecent', () => {
  it.each<[string, Partial<FactFields>, boolean]>([
    ['said recently', { at: START - 30 * DAY }, true],
    ['said long ago', { at: OLD }, false],
    ['a plan without a date', { at: OLD, topic: 'plans' }, true],
    ['a past plan', { at: OLD, topic: 'plans', event_date: '2026-01-29' }, false],
    ['a plan of last week', { at: OLD, topic: 'plans', event_date: '2026-02-22' }, true],
    ['an event without a date', { at: OLD, topic: 'life_events' }, false],
    ['a future event', { at: OLD, topic: 'life_events', event_date: '2027' }, true],
    ['an event of this year', { at: OLD, topic: 'interests', event_date: '2026' }, true],
    ['an event of last year', { at: OLD, topic: 'interests', event_date: '2025' }, false],
    ['an event of last month', { at: OLD, topic: 'interests', event_date: '2026-02' }, true],
    ['an event of the month before', { at: OLD, topic: 'interests', event_date: '2026-01' }, true],
    ['an old event', { at: OLD, topic: 'interests', event_date: '2025-12' }, false],
    [
      'an event of a day that does not exist',
      { at: OLD, topic: 'interests', event_date: '2026-02-30' },
      false,
    ],
    ['a past event said recently', { topic: 'life_events', event_date: '1990' }, true],
  ])('%s: %j %s', (_name, fields, expected) => {
    expect(selectRecent([place({ text: 'x', ...fields })], START)).toHaveLength(expected ? 1 : 0)
  })

  it('sorts by the most recent statement', () => {
    const placed = [3, 1, 2].map((days) => place({ text: `${days}`, at: START - days * DAY }))
    expect(selectRecent(placed, START).map(({ memory }) => memory.text)).toEqual(['1', '2', '3'])
  })
})
