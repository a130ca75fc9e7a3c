import { describe, expect, it } from 'vitest'
import type { Write } from '../../../sidecar/ports/records.ts'
import { readAll } from '../../helpers/records.ts'
import { said, testApp } from '../../helpers/test-app.ts'

const TOWNS = ['Porto', 'Kyoto', 'Oslo', 'Quito', 'Riga', 'Sofia', 'Tunis', 'Turin', 'Vienna', 'Zagreb']

let friendRecords: Write[] | undefined

async function friends(): Promise<Write[]> {
  if (friendRecords) return friendRecords
  const { call, services } = testApp()
  const texts = Array.from(
    { length: 300 },
    (_, i) => `My friend number ${i + 1} lives in ${TOWNS[i % TOWNS.length]}.`,
  )
  for (let i = 0; i < texts.length; i += 50) {
    const messages = texts.slice(i, i + 50).map((content) => ({ role: 'user', content }))
    await call('POST', '/v1/memories', { user_id: 'ada', conversation_id: 'c', turn: i, messages })
  }
  friendRecords = await readAll(services.records)
  return friendRecords
}

/** More memories than the store returns candidates for. */
async function largeScope(text: string) {
  const { call, services } = testApp()
  await call('POST', '/v1/memories', said(text, { conversation_id: 'd' }))
  await services.records.commit(await friends())
  return async (query: string) =>
    (await call('POST', '/v1/recall', { user_id: 'ada', query, strategy: 'per_query' })).body
}

describe('in a scope with more memories than candidates', () => {
  it.each([
    ['Meine Lieblingsfarbe ist ein dunkles Blau.', 'Farbe?'],
    ['Der Kühlschrank wurde am Montag geliefert.', 'Kühlschranklieferung?'],
  ])('%j is found for %j, which shares a part of a word', async (text, query) => {
    const recall = await largeScope(text)
    const { memories } = await recall(query)
    expect(memories[0]?.memory).toBe(text)
  })

  it.each(['hello', 'quantum chromodynamics lattice'])('%j finds nothing', async (query) => {
    const recall = await largeScope('I adopted a puppy.')
    expect(await recall(query)).toMatchObject({ status: 'empty', count: 0 })
  })
})
