import { describe, expect, it } from 'vitest'
import { type Case, caseNamed, failedCases, tryCase } from '../../contract/contract.ts'
import { RECORD_CASES } from '../../contract/records.ts'
import { CRASH_CASES } from '../../helpers/fake-qdrant/crash-cases.ts'
import { openSabotagedQdrant, type Parts } from '../../helpers/fake-qdrant/sabotage.ts'
import type { FakeQdrant } from '../../helpers/fake-qdrant/server.ts'
import { type Opener, recordsSubject } from '../../helpers/fake-qdrant/subject.ts'

// biome-ignore lint/suspicious/noExplicitAny: parts of the adapter, replaced by broken ones
type Part = any

interface Saboteur {
  name: string
  caughtBy: string
  parts?: Parts
  /** Changes the requests, as if the adapter had sent them that way. */
  meddle?: (server: FakeQdrant) => void
}

const IN_SCOPES = 'treats scopes as exact strings'
const PAGES = 'returns each record on exactly one page, in both directions'
const cutAt = (moment: string) =>
  `applies a commit completely or not at all when a request is cut ${moment} execution`

const SABOTEURS: Saboteur[] = [
  {
    name: 'omits the scope from queries and accepts records of any scope',
    caughtBy: IN_SCOPES,
    parts: {
      'points.ts': ({ toRecord }) => ({
        within: (collection: string) => [{ key: 'collection', match: { value: collection } }],
        toRecord: (payload: Part, collection: string) => toRecord(payload, collection, payload.scope),
      }),
    },
  },
  {
    name: 'ignores the scope in the point id',
    caughtBy: 'keeps one id in two scopes and two collections apart',
    parts: {
      'points.ts': ({ pointId, toPointWrite }) => ({
        pointId: (collection: string, _scope: string, id: string) => pointId(collection, '', id),
        toPointWrite: (write: Part, dimensions: number) => {
          const id = pointId(write.collection, '', write.put?.id ?? write.remove)
          const { point, ...rest } = toPointWrite(write, dimensions)
          return { ...rest, id, point: point && { ...point, id } }
        },
      }),
    },
  },
  {
    name: 'drops ties',
    caughtBy: PAGES,
    meddle: (server) => {
      const none = { result: { points: [], next_page_offset: null }, status: 'ok', time: 0 }
      server.fault = ({ body }) => (body?.filter?.must.length === 3 ? { status: 200, body: none } : undefined)
    },
  },
  {
    name: 'ignores the cursor',
    caughtBy: PAGES,
    meddle: (server) => {
      server.fault = ({ body }) => {
        if (body?.order_by) delete body.order_by.start_from
        // Ends a scroll that never advances.
        return server.requests.length > 300 ? { status: 400 } : undefined
      }
    },
  },
  {
    name: 'keeps the first of two writes to a point',
    caughtBy: 'applies the writes of a commit in the order given',
    parts: {
      'writes.ts': ({ lastWrites }) => ({
        lastWrites: (writes: Part[]) => lastWrites(writes.toReversed()),
      }),
    },
  },
  {
    name: 'has no journal',
    caughtBy: cutAt('half'),
    parts: { 'journal.ts': unwritten },
  },
  {
    name: 'does not recover at the start',
    caughtBy: cutAt('before'),
    parts: {
      'journal.ts': ({ openJournal }) => ({
        openJournal: (...args: unknown[]) => ({
          ...openJournal(...args),
          unfinished: async () => [],
          sweep: async () => {},
        }),
      }),
    },
  },
  {
    name: 'deletes the journal entry before it is applied',
    caughtBy: cutAt('after'),
    parts: {
      'writes.ts': ({ applyWrites }) => ({
        async applyWrites(link: Part, collections: Part, writes: Part[], finish: Part) {
          await applyWrites(link, collections, [], finish)
          await applyWrites(link, collections, writes, {})
        },
      }),
    },
  },
  {
    name: 'allows reads of a scope during a write',
    caughtBy: 'carries out a commit when the server is back, and hides it from reads until then',
    parts: {
      'scope-gate.ts': () => ({
        openScopeGate: () => ({
          read: (_place: unknown, read: () => unknown) => read(),
          close: async () => () => {},
        }),
      }),
    },
  },
  {
    name: 'has no journal floor',
    caughtBy: 'ignores a journal entry that arrives after its cancellation',
    parts: {
      'journal.ts': ({ openJournal }) => ({
        openJournal: (...args: unknown[]) => {
          const journal = openJournal(...args)
          const cancel = (entry: unknown) => ({ documents: journal.cancel(entry).documents.slice(1) })
          return { ...journal, finish: () => ({}), cancel }
        },
      }),
    },
  },
  {
    name: 'does not cancel a failed commit',
    caughtBy: 'cancels a commit whose journal entry may exist before the next commit',
    parts: {
      'journal.ts': ({ openJournal }) => ({
        openJournal: (...args: unknown[]) => {
          const journal = openJournal(...args)
          const cancel = (entry: unknown) => ({ documents: journal.cancel(entry).documents.slice(0, 1) })
          return { ...journal, cancel }
        },
      }),
    },
  },
]

function unwritten({ openJournal }: Part): Part {
  return {
    openJournal: (...args: unknown[]) => {
      const journal = openJournal(...args)
      const none = async () => {}
      return {
        ...journal,
        write: (commits: Part[][]) => {
          const writes = commits.flat()
          const scopes = [...new Set(writes.map(({ scope }) => scope))]
          const entry = { instance: 'i', sequence: 1, parts: 1, host: '', pid: 0, scopes, writes }
          return { entries: [entry], written: none() }
        },
      }
    },
  }
}

describe('the record store contract, on a Qdrant store that', () => {
  it.each(SABOTEURS)('$name', async ({ caughtBy, parts, meddle }) => {
    const opener = await openSabotagedQdrant(parts)
    const crash: Case<Opener> | undefined = CRASH_CASES.find(({ name }) => name === caughtBy)
    const outcome = crash
      ? tryCase(crash, async () => ({ subject: opener, close: async () => {} }))
      : tryCase(caseNamed(RECORD_CASES, caughtBy), recordsSubject(2, opener, meddle))
    await expect(outcome).rejects.toThrow()
  })

  it('accepts the unchanged adapter', async () => {
    const opener = await openSabotagedQdrant()
    const named = new Set(SABOTEURS.map(({ caughtBy }) => caughtBy))
    const cases = RECORD_CASES.filter(({ name }) => named.has(name))
    expect(await failedCases(cases, recordsSubject(2, opener))).toEqual([])
  })
})
