/** Unknown keys are ignored by the daemon and the API, so a misspelt one fails in silence: they are warned about here. */
import { z } from 'zod'
import { isRecord, type Path, type Reporter } from './report.ts'

/** Warns about every key that the schema of its mapping does not list, with the listed key it resembles most. */
export function warnUnknownKeys(schema: z.ZodType, value: unknown, report: Reporter, path: Path = []): void {
  const inner = unwrap(schema)
  if (inner instanceof z.ZodArray && Array.isArray(value)) {
    for (const [index, item] of value.entries())
      warnUnknownKeys(inner.element as z.ZodType, item, report, [...path, index])
  } else if (inner instanceof z.ZodRecord && isRecord(value)) {
    for (const [key, item] of Object.entries(value))
      warnUnknownKeys(inner.valueType as z.ZodType, item, report, [...path, key])
  } else if (inner instanceof z.ZodObject && isRecord(value)) {
    const shape = inner.shape as Record<string, z.ZodType>
    for (const [key, item] of Object.entries(value)) {
      const known = Object.hasOwn(shape, key) ? shape[key] : undefined
      if (known) warnUnknownKeys(known, item, report, [...path, key])
      else report.warn([...path, key], `nobody reads this key${hint(key, Object.keys(shape))}`)
    }
  }
}

function unwrap(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodExactOptional ? unwrap(schema.unwrap() as z.ZodType) : schema
}

function hint(key: string, known: string[]): string {
  const nearest = known
    .map((name) => ({ name, distance: editDistance(key.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)[0]
  return nearest && nearest.distance <= 2 ? `; did you mean ${nearest.name}?` : ''
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(substitution, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
