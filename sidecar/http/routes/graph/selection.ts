import { compileFilter, type Predicate } from '../../../memory/model/filters.ts'
import type { MemorySelection } from '../../shared/schemas.ts'
import { omitUndefined } from '../../shared/values.ts'

/** Which memories the graph of a request is made of; absent: all. */
export function acceptOf(selection: MemorySelection): Predicate | undefined {
  const given = omitUndefined(selection)
  return Object.keys(given).length === 0 ? undefined : compileFilter(given).accepts
}
