import type { Json, JsonObject, Path } from '../../../ports/records.ts'

/** A payload as fields that Qdrant can filter by. */
export interface Fields {
  /** Values by field; a list where a path leads to several values. Without null, objects and lists. */
  values: Record<string, Scalar | readonly Scalar[]>
  /** Fields that are neither absent nor null. */
  present: readonly string[]
  /** Properties of the payload that are left out, because Qdrant rejects or cuts a value in them, or because of size. */
  partial: readonly string[]
}

export type Scalar = string | number | boolean

/** Long texts. Conditions on them are tested by this process. */
const TEXTS: ReadonlySet<string> = new Set(['text', 'context'])

/** Limits of one property. */
const MAX_STRING_LENGTH = 512
const MAX_ENTRIES = 500
const MAX_DEPTH = 8

/** The field of a path; `undefined` if there is none. */
export function fieldOf(path: Path): string | undefined {
  const [property, ...rest] = path
  if (typeof property !== 'string' || TEXTS.has(property)) return undefined
  if (!path.every((part) => String(part).isWellFormed())) return undefined
  // Of the indexes, only that of the first element of a property is kept.
  if (rest.some((part, i) => typeof part === 'number' && (i > 0 || part > 0))) return undefined
  return [property, ...rest].map((part) => (typeof part === 'number' ? FIRST : nameOf(part))).join('.')
}

export function toFields(payload: JsonObject): Fields {
  const values = new Map<string, Set<Scalar>>()
  const present = new Set<string>()
  const partial: string[] = []
  for (const [property, value] of Object.entries(payload)) {
    if (TEXTS.has(property)) continue
    const own = new PropertyFields()
    try {
      own.add(nameOf(property), value, 0)
      const first = Array.isArray(value) ? (value[0] as Json | undefined) : undefined
      if (first !== undefined) own.add(`${nameOf(property)}.${FIRST}`, first, 0)
    } catch (error) {
      if (!(error instanceof Unfit)) throw error
      if (property.isWellFormed()) partial.push(property)
      continue
    }
    for (const [field, some] of own.values) values.set(field, some)
    for (const field of own.present) present.add(field)
  }
  const entries = [...values].map(([field, some]) => {
    const list = [...some]
    return [field, list.length === 1 ? (list[0] as Scalar) : list] as const
  })
  return { values: Object.fromEntries(entries), present: [...present], partial }
}

/** A value that Qdrant cannot filter by. */
class Unfit extends Error {}

class PropertyFields {
  readonly values = new Map<string, Set<Scalar>>()
  readonly present = new Set<string>()
  #count = 0

  /** @param lists number of lists between the field and the value: elements of lists within lists are no values of it */
  add(field: string, value: Json, depth: number, lists = 0): void {
    if (value === null) return
    if (depth > MAX_DEPTH || ++this.#count > MAX_ENTRIES) throw new Unfit()
    this.present.add(field)
    if (Array.isArray(value)) {
      for (const element of value) this.add(field, element, depth + 1, lists + 1)
    } else if (typeof value === 'object') {
      for (const [key, inner] of Object.entries(value)) this.add(`${field}.${nameOf(key)}`, inner, depth + 1)
    } else if (lists < 2) {
      const scalar = value as Scalar
      if (typeof scalar === 'string' && (scalar.length > MAX_STRING_LENGTH || !scalar.isWellFormed())) {
        throw new Unfit()
      }
      const known = this.values.get(field)
      if (known) known.add(scalar)
      else this.values.set(field, new Set([scalar]))
    }
  }
}

const FIRST = '#0'

/** Part of a field name: without dots, quotes and `#`, and never empty. */
function nameOf(key: string): string {
  if (!key.isWellFormed()) throw new Unfit()
  return key === '' ? '%' : encodeURIComponent(key).replaceAll('.', '%2E')
}
