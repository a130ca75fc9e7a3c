import { describe, expect, it } from 'vitest'
import { openQdrantRecords } from '../../../sidecar/adapters/qdrant/records.ts'
import { caseNamed, failedCases, testSaboteurs, tryCase } from '../../contract/contract.ts'
import type { Sabotage } from '../../contract/sabotaged-records.ts'
import { SEARCH_CASES, SEARCH_DIMENSIONS } from '../../contract/search.ts'
import { DEFINITION_CASES } from '../../contract/search-definition.ts'
import { SEARCH_SABOTEURS } from '../../contract/search-saboteurs.ts'
import { openSabotagedQdrant, type Parts } from '../../helpers/fake-qdrant/sabotage.ts'
import { type Opener, recordsSubject } from '../../helpers/fake-qdrant/subject.ts'

const CASES = [...SEARCH_CASES, ...DEFINITION_CASES]

const broken = (sabotage: Sabotage = () => ({})): Opener => {
  return async (options) => {
    const honest = await openQdrantRecords(options)
    return { ...honest, ...sabotage(honest) }
  }
}

testSaboteurs('searches on Qdrant', CASES, SEARCH_SABOTEURS, (sabotage) =>
  recordsSubject(SEARCH_DIMENSIONS, broken(sabotage)),
)

// biome-ignore lint/suspicious/noExplicitAny: parts of the adapter, replaced by broken ones
type Part = any

const CHANGED = 'sees every change of a large scope'
const ADMITTED = 'finds every record that a condition admits, in a scope larger than the limit'
const DEFINED =
  'returns the best records by terms, by embedding and by `also` for random queries, the same within ties'
const NOTHING = { has_id: [] }
const EVERYTHING = { must_not: [NOTHING] }

const FAULTY_PARTS: Record<string, { caughtBy: string; parts: Parts }> = {
  'sends terms without their frequency': {
    caughtBy: DEFINED,
    parts: {
      'search/entry.ts': ({ toSparse }) => ({
        toSparse: (entry: Part) => ({ ...toSparse(entry), values: toSparse(entry).values.map(() => 1) }),
      }),
    },
  },
  'sends no filter for a condition': {
    caughtBy: ADMITTED,
    parts: {
      'search/conditions.ts': () => ({
        translate: () => ({ necessary: EVERYTHING, sufficient: NOTHING, isExact: true }),
      }),
    },
  },
  'tests conditions that Qdrant cannot test on the best candidates only': {
    caughtBy: ADMITTED,
    parts: {
      'connection.ts': ({ connectQdrant }) => ({
        connectQdrant: (options: Part) => {
          const connection = connectQdrant(options)
          const client = { query: async () => ({ points: [] }) }
          const run = (request: Part) =>
            String(request).includes('.query(') ? request(client) : connection.run(request)
          return { ...connection, run }
        },
      }),
    },
  },
  'filters by fields that leave out parts of the payload as if they were complete': {
    caughtBy: ADMITTED,
    parts: {
      'search/fields.ts': ({ toFields }) => ({
        toFields: (payload: Part) => ({ ...toFields(payload), values: {}, partial: [] }),
      }),
    },
  },
  'counts the records of a scope only once': {
    caughtBy: CHANGED,
    parts: {
      'search.ts': ({ openSearch }) => ({
        openSearch: (source: Part) => ({ ...openSearch(source), forgetTotal: () => {} }),
      }),
    },
  },
}

describe('the contract of searches, on a Qdrant store that', () => {
  it.each(Object.entries(FAULTY_PARTS))('%s', async (_, { caughtBy, parts }) => {
    const opener = await openSabotagedQdrant(parts)
    const outcome = tryCase(caseNamed(CASES, caughtBy), recordsSubject(SEARCH_DIMENSIONS, opener))
    await expect(outcome).rejects.toThrow()
  })

  it('has no fault, passes these cases', async () => {
    const opener = await openSabotagedQdrant()
    const named = new Set(Object.values(FAULTY_PARTS).map(({ caughtBy }) => caughtBy))
    const cases = CASES.filter(({ name }) => named.has(name))
    expect(await failedCases(cases, recordsSubject(SEARCH_DIMENSIONS, opener))).toEqual([])
  })
})
