import { z } from 'zod'
import { recordsOf } from '../../memory/repositories/record.ts'
import { packSummary, unpackSummary } from '../packed-summary.ts'
import type { StoredUnit } from './unit-record.ts'

/**
 * Packed units as stored: three columns with a line per unit. A report reads the summaries of 100,000 units as a few long
 * texts, several times as fast as 100,000 records.
 */
const packColumns = z.object({
  ids: z.string(),
  /** All that a report reads of a unit, as `packSummary` writes it. */
  summaries: z.string(),
  /** The other fields of the unit, as JSON. */
  rest: z.string(),
})

export type PackColumns = z.output<typeof packColumns>

/** As earlier versions stored a pack: summary and rest of each unit in two lines, by record id. */
const unitsById = z.object({
  units: z.custom<Record<string, string>>((units) => typeof units === 'object' && units !== null),
})

export const packs = recordsOf('experiments', z.union([packColumns, unitsById]), (stored) =>
  'units' in stored ? toColumns(stored.units) : stored,
)

function toColumns(units: Record<string, string>): PackColumns {
  const columns: PackColumns = { ids: '', summaries: '', rest: '' }
  for (const id in units) {
    const text = units[id] ?? ''
    const end = text.indexOf('\n') + 1
    columns.ids += `${id}\n`
    columns.summaries += text.slice(0, end)
    columns.rest += `${text.slice(end)}\n`
  }
  return columns
}

interface PackedUnit {
  summary: string
  rest: string
}

/** Packed units by record id, to be changed. */
export type UnitPack = Map<string, PackedUnit>

export function openPack({ ids, summaries, rest }: PackColumns): UnitPack {
  const [summaryLines, restLines] = [linesOf(summaries), linesOf(rest)]
  return new Map(
    linesOf(ids).map((id, i) => [id, { summary: summaryLines[i] as string, rest: restLines[i] as string }]),
  )
}

export function closePack(pack: UnitPack): PackColumns {
  const units = [...pack.values()]
  return {
    ids: toLines([...pack.keys()]),
    summaries: toLines(units.map(({ summary }) => summary)),
    rest: toLines(units.map(({ rest }) => rest)),
  }
}

export function packUnit({ summary, ...rest }: StoredUnit): PackedUnit {
  return { summary: packSummary(summary), rest: JSON.stringify(rest) }
}

/** Not validated, because only `packUnit` and earlier versions of it write packed units. */
export function unpackUnit({ summary, rest }: PackedUnit): StoredUnit {
  return { ...JSON.parse(rest), summary: unpackSummary(summary) }
}

function linesOf(column: string): string[] {
  return column.split('\n').slice(0, -1)
}

function toLines(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('')
}
