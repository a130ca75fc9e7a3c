import type { DatabaseSync } from 'node:sqlite'
import type { Condition, JsonObject } from '../../../ports/records.ts'
import { meets } from '../../common/condition.ts'
import { prefilter } from './prefilter.ts'

/** Best records that are tested, per record that is wanted, before the condition is applied to the whole scope. */
export const TESTED = 4

/** Applies conditions to the payloads of searchable records. */
export function openMatcher(db: DatabaseSync) {
  const payloads = db.prepare(
    `SELECT e.no, payload FROM json_each(?) AS asked CROSS JOIN search_entries e ON e.no = asked.value
     CROSS JOIN records r ON r.scope = ? AND r.collection = 'memories' AND r.id = e.id`,
  )
  const payloadAt = db.prepare('SELECT payload FROM records WHERE rowid = ?')
  for (const statement of [payloads, payloadAt]) statement.setReturnArrays(true)

  /** Rows of `records` that may meet a condition, some of them more than once. */
  function matching<T>(columns: string, scope: string, condition: Condition): Iterable<T> {
    const { alternatives, values } = prefilter(condition)
    const selects = alternatives.map(
      (sql) => `SELECT ${columns} FROM records WHERE scope = ?1 AND entry IS NOT NULL AND (${sql})`,
    )
    const statement = db.prepare(selects.join(' UNION ALL '))
    statement.setReturnArrays(true)
    return statement.iterate(scope, ...values) as Iterable<unknown> as Iterable<T>
  }

  function admission(scope: string, where: Condition) {
    /** By entry: whether its record meets the condition. */
    const tested = new Map<number, boolean>()
    let admitted: Set<number> | undefined
    const all = (): Set<number> => {
      if (admitted) return admitted
      admitted = new Set()
      for (const [entry, payload] of matching<Row>('entry, payload', scope, where)) {
        if (tested.get(entry) ?? meets(parse(payload), where)) admitted.add(entry)
      }
      return admitted
    }
    const among = (numbers: readonly number[]): number[] => {
      if (admitted) return numbers.filter((number) => admitted?.has(number))
      const missing = numbers.filter((number) => !tested.has(number))
      for (const [entry, payload] of payloads.all(JSON.stringify(missing), scope) as unknown as Row[]) {
        tested.set(entry, meets(parse(payload), where))
      }
      return numbers.filter((number) => tested.get(number))
    }
    return {
      /** Numbers of the entries of all records that meet the condition. */
      all,
      /** Those of the given entries whose records meet it, in the same order. */
      among,
      /** The first `count` of them; undefined if there are fewer. */
      first(numbers: readonly number[], count: number): number[] | undefined {
        const found: number[] = []
        for (let from = 0; from < numbers.length && found.length < count; from += count) {
          found.push(...among(numbers.slice(from, from + count)))
        }
        return found.length < count ? undefined : found.slice(0, count)
      },
    }
  }

  /** Numbers of the entries of the latest records that meet one of some conditions, and `where`. */
  function latest(scope: string, any: readonly Condition[], where: Condition, limit: number): number[] {
    const candidates = new Map<number, [entry: number, position: number, row: number]>()
    for (const condition of any.flatMap(alternatives)) {
      const rows = matching<[number, number, number]>('entry, position, rowid', scope, condition)
      for (const row of rows) candidates.set(row[0], row)
    }
    const found: number[] = []
    for (const [entry, , row] of [...candidates.values()].sort(([, a], [, b]) => b - a)) {
      const [payload] = payloadAt.get(row) as unknown as [string]
      const parsed = parse(payload)
      if (meets(parsed, where) && meets(parsed, { any })) found.push(entry)
      if (found.length === limit) break
    }
    return found
  }

  return { admission, latest }
}

type Row = [entry: number, payload: string]

/** Each of them can use an index of its own. */
function alternatives(condition: Condition): readonly Condition[] {
  return 'any' in condition ? condition.any.flatMap(alternatives) : [condition]
}

function parse(payload: string): JsonObject {
  return JSON.parse(payload) as JsonObject
}
