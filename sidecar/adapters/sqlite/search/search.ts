import type { DatabaseSync } from 'node:sqlite'
import type { SearchQuery } from '../../../ports/records.ts'
import { best } from './best.ts'
import { countCompared, estimator } from './codes.ts'
import { openColumns, type Similarities } from './columns.ts'
import { type LexicalScores, scoreTerms } from './lexical.ts'
import { openMatcher, TESTED } from './matcher.ts'
import { packedFromBytes } from './packed-vector.ts'
import { type Blocks, rangeOf, type ScopeRow } from './scope-blocks.ts'

/** Result of the worker thread: the candidates by the numbers of their entries. */
export interface SearchAnswer extends Similarities {
  total: number
  frequencies?: Map<number, number> | undefined
}

/** Scores of every record of a scope, by index. */
interface Scores {
  numberAt: (index: number) => number
  lexical: LexicalScores
  /** Larger for a larger dot product; -Infinity without a vector. */
  dense: Float64Array | undefined
}

export function openSearch(db: DatabaseSync, blocks: Blocks) {
  const getScope = db.prepare('SELECT * FROM search_scopes WHERE scope = ?')
  const neighbours = db.prepare(
    `SELECT (${nextTo('<', 'DESC')}), (${nextTo('>', 'ASC')}) FROM json_each(:numbers) AS asked
     JOIN search_entries e ON e.no = asked.value`,
  )
  neighbours.setReturnArrays(true)
  const columns = openColumns(db)
  const matcher = openMatcher(db)

  function score(row: ScopeRow, { terms, dense }: SearchQuery): Scores {
    const all = [...blocks.all(row)]
    const starts: number[] = []
    let count = 0
    for (const { head } of all) {
      starts.push(count)
      count += head.count
    }
    const [first] = rangeOf(row)
    const numberAt = (index: number) => {
      const block = starts.findLastIndex((start) => start <= index)
      return first + (all[block]?.head.numbers[index - (starts[block] as number)] as number)
    }
    const lexical = scoreTerms(all, terms)
    if (!dense) return { numberAt, lexical, dense }
    const estimates = new Float64Array(count)
    const estimate = estimator(dense, packedFromBytes(row.mean ?? new Uint8Array()))
    for (const [i, { head, isRemoved }] of all.entries()) {
      estimate(head, isRemoved, estimates.subarray(starts[i]))
    }
    return { numberAt, lexical, dense: estimates }
  }

  /** Numbers of the best records by terms, by embedding and by `also`. */
  function choose(
    scope: string,
    query: SearchQuery,
    { numberAt, lexical, dense }: Scores,
    similaritiesOf: (numbers: Iterable<number>) => Similarities,
  ): Set<number> {
    const { where, also, limit } = query
    const admission = where && matcher.admission(scope, where)
    const bestOf = (values: Float64Array, floor: number, count: number): number[] => {
      const numbersOf = (indexes: number[]) =>
        indexes.sort((a, b) => (values[b] as number) - (values[a] as number)).map(numberAt)
      if (!admission) return numbersOf(best(values, count, floor))
      const some = admission.first(numbersOf(best(values, count * TESTED, floor)), count)
      if (some) return some
      const all = admission.all()
      const admitted = values.map((value, i) => (all.has(numberAt(i)) ? value : floor))
      return numbersOf(best(admitted, count, floor))
    }
    const sources = [bestOf(lexical.scores, 0, limit)]
    if (dense && query.dense) {
      const nearest = bestOf(
        dense,
        Number.NEGATIVE_INFINITY,
        Math.max(countCompared(query.dense.length), limit),
      )
      sources.push(nearest.length > limit ? mostSimilar(similaritiesOf(nearest), limit) : nearest)
    }
    if (also && also.length > 0) sources.push(matcher.latest(scope, also, where ?? { all: [] }, limit))
    const chosen = new Set(sources.flat())
    const near = neighboursOf(
      scope,
      sources.flatMap((source) => source.slice(0, query.neighbours ?? 0)),
    )
    for (const number of admission?.among(near) ?? near) chosen.add(number)
    return chosen
  }

  function neighboursOf(scope: string, numbers: readonly number[]): number[] {
    if (numbers.length === 0) return []
    const found = neighbours.all({ scope, numbers: JSON.stringify([...new Set(numbers)]) })
    const rows = found as unknown as (number | null)[][]
    return rows.flat().filter((number) => number !== null)
  }

  function search(scope: string, query: SearchQuery): SearchAnswer {
    const row = getScope.get(scope) as unknown as ScopeRow | undefined
    const similaritiesOf = columns.similarities(query.dense)
    if (!row) return { ...similaritiesOf([]), total: 0 }
    const { total } = row
    const { where, limit } = query
    if (total <= limit || row.built === 0) {
      const all = where ? matcher.admission(scope, where).all() : columns.inRange(...rangeOf(row))
      return { ...similaritiesOf(all), total }
    }
    const scores = score(row, query)
    const chosen = choose(scope, query, scores, similaritiesOf)
    return { ...similaritiesOf(chosen), total, frequencies: scores.lexical.frequencies }
  }

  return { search, entries: columns.entries }
}

/** The `limit` records with the highest similarities, best first. */
function mostSimilar({ numbers, similarities }: Similarities, limit: number): number[] {
  return best(similarities, limit, Number.NEGATIVE_INFINITY)
    .sort((a, b) => (similarities[b] as number) - (similarities[a] as number))
    .map((i) => numbers[i] as number)
}

/** Selects the searchable record before or after the entry `e`. */
function nextTo(operator: '<' | '>', direction: 'ASC' | 'DESC'): string {
  return `SELECT entry FROM records WHERE scope = :scope AND collection = 'memories' AND entry IS NOT NULL
    AND (position, id) ${operator} (e.position, e.id) ORDER BY position ${direction}, id ${direction} LIMIT 1`
}
