import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { openSqliteRecords } from '../../../sidecar/adapters/sqlite/records.ts'
import { SEGMENT_SIZE } from '../../../sidecar/adapters/sqlite/search/blocks.ts'
import type { RecordStore, Write } from '../../../sidecar/ports/records.ts'
import { entry, query } from '../../contract/search.ts'
import { sqliteInProcess } from '../../helpers/sqlite.ts'
import { tempDir } from '../../helpers/temp-dir.ts'

const SCOPES = ['default/ada', 'default/bob'] as const
/** Enough that a scope has blocks. */
const RECORDS = 300
const TERMS = 12

/** Commits with a write to one of these scopes are rejected: before the transaction ends, and as it does. */
const [FAILS, FAILS_AT_COMMIT] = ['default/fails', 'default/fails at commit']
const FAULTS = `
  CREATE TRIGGER fails AFTER INSERT ON scopes WHEN NEW.scope = '${FAILS}' BEGIN SELECT RAISE(ABORT, 'fault'); END;
  CREATE TABLE parents (id INTEGER PRIMARY KEY);
  CREATE TABLE children (parent INTEGER REFERENCES parents DEFERRABLE INITIALLY DEFERRED);
  CREATE TRIGGER fails_at_commit AFTER INSERT ON scopes WHEN NEW.scope = '${FAILS_AT_COMMIT}'
    BEGIN INSERT INTO children VALUES (1); END;`

/** @param version of the record; two of them share no term and no direction */
function record(scope: string, i: number, version = 0): Write {
  const term = (i + version) % TERMS
  return entry(`r${i}`, [term, 100 + i], {
    scope,
    order: i,
    context: [(term + 1) % TERMS],
    dense: Float32Array.of(Math.cos(i + version), Math.sin(i + version), 1),
  })
}

const open = (path: string, isReadOnly = false) =>
  openSqliteRecords(path, { client: sqliteInProcess, isReadOnly })

/** Two scopes whose next numbers are shortly before the end of a segment, so that a few more writes fill it. */
async function createFile(): Promise<string> {
  const path = join(tempDir(), 'records.db')
  const store = open(path)
  await store.commit(SCOPES.flatMap((scope) => Array.from({ length: RECORDS }, (_, i) => record(scope, i))))
  await store.close()
  const db = new DatabaseSync(path)
  db.exec(`UPDATE search_scopes SET next = ${SEGMENT_SIZE - 20}; ${FAULTS}`)
  db.close()
  return path
}

function answers(store: RecordStore) {
  const search = async (scope: string, angle: number) => {
    const dense = Float32Array.of(Math.cos(angle), Math.sin(angle), 1)
    const asked = query({ terms: [angle, 5, 100 + angle], dense, limit: 10 })
    const { candidates, total, frequencies } = await store.search(scope, asked)
    return { found: candidates.map(({ id, similarity }) => [id, similarity]).sort(), total, frequencies }
  }
  return Promise.all(SCOPES.flatMap((scope) => [0, 2].map((angle) => search(scope, angle))))
}

/** Compares a store that has searched before with one that has not. */
async function expectCurrent(store: RecordStore, path: string): Promise<void> {
  const fresh = open(path, true)
  const expected = await answers(fresh)
  await fresh.close()
  expect(await answers(store)).toEqual(expected)
}

const scope = fc.constantFrom(...SCOPES)
const change = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(scope, fc.nat(RECORDS + 20), fc.nat(5)).map((args) => record(...args)) },
  fc.tuple(scope, fc.nat(RECORDS)).map(([scope, i]): Write => {
    return { remove: `r${i}`, collection: 'memories', scope }
  }),
)
const commit = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(
        fc.oneof(
          fc.array(change, { minLength: 1, maxLength: 5 }),
          fc.array(change, { minLength: 30, maxLength: 60 }),
        ),
        fc.constantFrom(undefined, undefined, FAILS, FAILS_AT_COMMIT),
      )
      .map(([writes, fault]) => (fault ? [...writes, entry('x', [1], { scope: fault })] : writes)),
  },
  // Whole blocks are emptied; with 200 fewer records, the scope has no blocks.
  fc
    .tuple(scope, fc.constantFrom(150, 200))
    .map(([scope, count]) =>
      Array.from({ length: count }, (_, i): Write => ({ remove: `r${i}`, collection: 'memories', scope })),
    ),
  fc
    .tuple(scope, fc.nat(5))
    .map(([scope, version]) => Array.from({ length: 250 }, (_, i) => record(scope, i, version))),
)

it('rejects commits to the scopes with faults', async () => {
  const store = open(await createFile())
  for (const scope of [FAILS, FAILS_AT_COMMIT]) {
    await expect(store.commit([entry('x', [1], { scope })])).rejects.toThrow('nothing was stored')
  }
})

it('finds after any writes, failures and searches what a store finds that is opened then', async () => {
  const original = await createFile()
  const property = fc.asyncProperty(
    // Requests of one group are processed together, the writes in one transaction.
    fc.array(fc.array(fc.oneof(commit, fc.constant('search' as const)), { maxLength: 3 }), { maxLength: 6 }),
    async (groups) => {
      const path = join(tempDir(), 'records.db')
      copyFileSync(original, path)
      const store = open(path)
      for (const group of groups) {
        await Promise.allSettled(group.map((one) => (one === 'search' ? answers(store) : store.commit(one))))
        await expectCurrent(store, path)
      }
      await store.close()
    },
  )
  await fc.assert(property, { numRuns: 20 })
})
