import type { Candidate, SearchQuery, SearchResult, Write } from '../../sidecar/ports/records.ts'
import type { Saboteurs } from './contract.ts'
import type { Sabotage } from './sabotaged-records.ts'

const asked = (change: (query: SearchQuery) => Partial<SearchQuery>): Sabotage => {
  return (honest) => ({ search: (scope, query) => honest.search(scope, { ...query, ...change(query) }) })
}

const answered = (change: (result: SearchResult, query: SearchQuery) => Partial<SearchResult>): Sabotage => {
  return (honest) => ({
    async search(scope, query) {
      const result = await honest.search(scope, query)
      return { ...result, ...change(result, query) }
    },
  })
}

const candidates = (change: (all: Candidate[], query: SearchQuery) => Candidate[]): Sabotage =>
  answered(({ candidates }, query) => ({ candidates: change(candidates, query) }))

const written = (change: (write: Write) => Write): Sabotage => {
  return (honest) => ({ commit: (writes) => honest.commit(writes.map(change)) })
}

/** Faults by the case that detects them, on any store. */
export const SEARCH_SABOTEURS: Saboteurs<Sabotage> = {
  'returns every searchable record of a small scope with its entry, order and similarity': {
    'returns matches only': candidates((all, { terms }) =>
      all.filter(({ search }) => search.terms.some((term) => terms.has(term))),
    ),
    'returns no similarity': candidates((all) => all.map((one) => ({ ...one, similarity: 0 }))),
    'counts the candidates instead of the scope': answered(({ candidates }) => ({
      total: candidates.length + 1,
    })),
    'sorts the terms': candidates((all) =>
      all.map((one) => ({ ...one, search: { ...one.search, terms: one.search.terms.toSorted() } })),
    ),
    'loses the features': written((write) =>
      'put' in write && write.put.search
        ? { ...write, put: { ...write.put, search: { ...write.put.search, features: {} } } }
        : write,
    ),
  },
  'returns the entry with every read of the record': {
    'reads records without their entry': (honest) => ({
      async get(...args) {
        const record = await honest.get(...args)
        return record && { ...record, search: undefined }
      },
    }),
  },
  'returns the records that meet the condition, and counts the others': {
    'ignores the condition': asked(() => ({ where: undefined })),
    'counts only records that meet the condition': answered(({ candidates }) => ({
      total: candidates.length,
    })),
  },
  'agrees with the definition of conditions on random payloads': {
    'negates nothing': asked(({ where }) => ({ where: where && 'not' in where ? where.not : where })),
  },
  'returns the best records of a large scope by terms, rare terms first': {
    'returns the whole scope': asked(() => ({ limit: 1000 })),
    'returns the first records with any term': asked(({ terms }) => ({
      terms: new Map([...terms].slice(0, 1)),
    })),
  },
  'returns the best records of a large scope by embedding, with the exact similarity': {
    'searches the opposite vector': asked(({ dense }) => ({ dense: dense?.map((value) => -value) })),
    'ignores the vector': asked(() => ({ dense: undefined })),
  },
  'returns the latest records of a large scope that meet one of `also`': {
    'ignores `also`': asked(() => ({ also: undefined })),
    'reads only the first condition of `also`': asked(({ also }) => ({ also: also?.slice(0, 1) })),
  },
  'applies the condition to every candidate of a large scope': {
    'applies the condition to the best candidates only': candidates((all, { limit }) =>
      limit === 5 ? [] : all,
    ),
    'does not apply the condition to `also`': (honest) => ({
      async search(scope, query) {
        const [one, other] = [
          await honest.search(scope, query),
          await honest.search(scope, { ...query, where: undefined, terms: new Map(), dense: undefined }),
        ]
        return { ...one, candidates: [...one.candidates, ...other.candidates] }
      },
    }),
  },
  'sees every change of a large scope': {
    'keeps the terms of replaced records': (honest) => ({
      commit: (writes) => honest.commit(writes.filter((write) => !('put' in write && write.put.id === 'r5'))),
    }),
    'finds removed records': (honest) => ({
      commit: (writes) => honest.commit(writes.filter((write) => 'put' in write)),
    }),
    'loses the entries when it is reopened': (honest) => {
      let isWritten = false
      return {
        commit: (writes) => {
          isWritten = true
          return honest.commit(writes)
        },
        search: async (scope, query) =>
          isWritten
            ? honest.search(scope, query)
            : { ...(await honest.search(scope, query)), candidates: [] },
      }
    },
  },
  'sees every change of a small scope as soon as the commit resolves': {
    'resolves a commit before it took effect': (honest) => ({
      async commit(writes) {
        setImmediate(() => void honest.commit(writes).catch(() => {}))
      },
    }),
    'keeps the entry of a record that loses it': (honest) => ({
      commit: (writes) => honest.commit(writes.filter((write) => !('put' in write) || write.put.search)),
    }),
  },
  'finds nothing of a commit that was rejected': {
    'commits write by write': (honest) => ({
      async commit(writes) {
        for (const write of writes) await honest.commit([write])
      },
    }),
  },
  'reads candidates in the given order, at the time of the search or later': {
    'reads in another order': answered(({ read }) => ({ read: (ids) => read([...ids].sort()) })),
    'reads the record of another scope': (honest) => ({
      search: async (scope, query) => ({
        ...(await honest.search(scope, query)),
        read: async (ids) => (await honest.search('default/bob', query)).read(ids),
      }),
    }),
  },
  'searches a scope by its exact name': {
    'folds the case of scopes': (honest) => ({
      search: (scope, query) => honest.search(scope.toLowerCase(), query),
    }),
  },
  'rejects searches and reads after close': {
    'searches after close': () => ({
      search: async () => ({ candidates: [], total: 0, read: async () => [] }),
    }),
  },
  'returns the best records by terms, by embedding and by `also` for random queries, the same within ties': {
    'ignores the weights of the terms': asked(({ terms }) => ({
      terms: new Map([...terms.keys()].map((term) => [term, 1])),
    })),
    'counts only the first occurrence of a term': written((write) =>
      'put' in write && write.put.search
        ? {
            ...write,
            put: {
              ...write.put,
              search: { ...write.put.search, terms: Uint32Array.from(new Set(write.put.search.terms)) },
            },
          }
        : write,
    ),
    'returns half of the candidates': candidates((all) => all.slice(0, Math.ceil(all.length / 2))),
    'applies the condition to the best candidates only': (honest) => ({
      async search(scope, query) {
        const all = await honest.search(scope, { ...query, where: undefined })
        const admitted = await honest.search(scope, query)
        const ids = new Set(admitted.candidates.map(({ id }) => id))
        return { ...all, candidates: all.candidates.filter(({ id }) => ids.has(id)) }
      },
    }),
  },
  'finds every record that a condition admits, in a scope larger than the limit': {
    'looks no further than the best candidates': (honest) => ({
      async search(scope, query) {
        const all = await honest.search(scope, { ...query, where: undefined })
        const ids = new Set((await honest.search(scope, query)).candidates.map(({ id }) => id))
        return { ...all, candidates: all.candidates.filter(({ id }) => ids.has(id)) }
      },
    }),
  },
}

/** The same for stores that find neighbours. */
export const NEIGHBOUR_SABOTEURS: Saboteurs<Sabotage> = {
  'returns the records next to the best candidates of a large scope': {
    'ignores `neighbours`': asked(() => ({ neighbours: undefined })),
    'returns neighbours that fail the condition': (honest) => ({
      async search(scope, query) {
        const [one, other] = [
          await honest.search(scope, query),
          await honest.search(scope, { ...query, where: undefined }),
        ]
        return query.where ? { ...one, candidates: other.candidates } : one
      },
    }),
  },
  'returns only so many neighbours as the query asks for': {
    'returns the neighbours of all candidates': asked(({ neighbours }) => ({ neighbours: neighbours && 20 })),
  },
}
