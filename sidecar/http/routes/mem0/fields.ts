import { z } from '@hono/zod-openapi'
import * as s from '../../shared/schemas.ts'

/** Accepted, because clients send it, and not read. */
const ignored = z.unknown().optional()

/** Fields of clients that have no effect here. */
export const ignoredFields = {
  org_id: ignored,
  project_id: ignored,
  org_name: ignored,
  project_name: ignored,
  version: ignored,
  api_version: ignored,
  source: ignored,
  enable_graph: ignored,
}

/** Fields of a search or a list without effect: there is one ranking, and only the newest version of a memory is read. */
export const ignoredOfReads = {
  ...ignoredFields,
  rerank: ignored,
  keyword_search: ignored,
  latest_only: ignored,
}

/** A field that cannot be honoured. */
export function refused(instead: string) {
  return z.never({ error: `expected no value (${instead})` }).optional()
}

export const date = z.iso.date({ error: 'expected a date as YYYY-MM-DD, or null for none' })

export const metadata = s.metadata

/** Seconds since 1970. */
export const timestamp = z.int({ error: 'expected seconds since 1970' }).min(0).max(8e12)

const MAX_PAGE_SIZE = 200

export const pageFields = {
  page: s.queryInteger(s.integer(1, 10_000).optional(), {
    description: '',
    example: 1,
    minimum: 1,
    maximum: 10_000,
  }),
  page_size: s.queryInteger(s.integer(1, MAX_PAGE_SIZE).optional(), {
    description: '',
    example: 100,
    minimum: 1,
    maximum: MAX_PAGE_SIZE,
  }),
}

export const DEFAULT_PAGE_SIZE = 100
