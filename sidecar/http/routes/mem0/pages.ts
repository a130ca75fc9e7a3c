import type { Context } from 'hono'
import type { AppEnv } from '../../shared/router.ts'

/** What mem0's clients expect of a page. */
export interface Page<T> {
  count: number
  next: string | null
  previous: string | null
  results: T[]
}

/** @param count of all results */
export function toPage<T>(
  c: Context<AppEnv>,
  { page, pageSize, count, results }: { page: number; pageSize: number; count: number; results: T[] },
): Page<T> {
  const address = (number: number) => {
    const url = new URL(c.req.url)
    url.searchParams.set('page', String(number))
    url.searchParams.set('page_size', String(pageSize))
    return url.toString()
  }
  return {
    count,
    next: page * pageSize < count ? address(page + 1) : null,
    previous: page > 1 ? address(page - 1) : null,
    results,
  }
}
