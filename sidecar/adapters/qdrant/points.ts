import { createHash } from 'node:crypto'
import type { Schemas } from '@qdrant/js-client-rest'
import { AppError, describe } from '../../ports/errors.ts'
import type { Collection, JsonObject, StoredRecord, Write } from '../../ports/records.ts'
import { denseFromBytes, denseToBytes } from '../common/vector-bytes.ts'
import { decodeEntry, encodeEntry, type StoredEntry, toSparse } from './search/entry.ts'
import { type Fields, toFields } from './search/fields.ts'

/** The kind of a point: a collection of the engine, or internal to the store. */
export type Kind = Collection | 'journal' | 'journal_floor' | 'journal_mark'

/** Names of the Qdrant collections: `memories` has the records with vectors, `documents` all others and the journal. */
export interface Collections {
  documents: string
  memories: string
}

/** Name of the vector of `memories` and `versions`. */
export const VECTOR = 'dense'
/** Name of the vector of the terms of searchable records. */
export const SPARSE = 'sparse'

/** Most bytes of one payload. Escaped as JSON within JSON it may triple, and Qdrant accepts requests of 32 MiB. */
const MAX_RECORD_BYTES = 8 * 1024 * 1024
/** Longest payload that a search returns, UTF-16 code units. */
const MAX_FOUND_LENGTH = 8 * 1024

export interface PointPayload {
  [key: string]: unknown
  collection: Kind
  /** A list for journal entries only. */
  scope: string | readonly string[]
  record_id: string
  order: number
  /** The record's payload as JSON text, because Qdrant sorts object keys and rejects lone surrogates. */
  payload?: string
  /** The payload of a searchable record if it is long: searches do not return it. */
  large?: string
  /** The embedding as base64 of little-endian 32-bit floats, where Qdrant would change the vector by normalising it. */
  dense?: string
  /** The vector is zero, because the searchable record has none: Qdrant finds only points with a vector. */
  has_no_vector?: true
  searchable?: true
  entry?: StoredEntry
  fields?: Fields['values']
  present?: Fields['present']
  partial?: Fields['partial']
}

export interface Point {
  id: string
  vector: { [VECTOR]?: number[]; [SPARSE]?: Schemas['SparseVector'] }
  payload: PointPayload
}

/** A write as the resulting point, or `undefined` for a removal. */
export interface PointWrite {
  id: string
  scope: string
  collection: Kind
  point: Point | undefined
}

/** Whether the kind is in the Qdrant collection with vectors. */
export function hasVectors(kind: Kind): boolean {
  return kind === 'memories' || kind === 'versions'
}

/** The point id of a record: a name-based UUID (RFC 9562 §5.5) of collection, scope and id. */
export function pointId(collection: Kind, scope: string, id: string): string {
  const hash = createHash('sha1')
    .update(NAMESPACE)
    .update(JSON.stringify([collection, scope, id]))
    .digest()
  hash[6] = ((hash[6] as number) & 0x0f) | 0x50
  hash[8] = ((hash[8] as number) & 0x3f) | 0x80
  const hex = hash.toString('hex', 0, 16)
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** UUID namespace of the point ids. */
const NAMESPACE = Buffer.from('5d9a8f0e6c3b4e7f9b1d2a4c8e6f0b37', 'hex')

/**
 * Converts a write and validates everything that a server could reject: a journal entry must always be applicable.
 * @throws {AppError} for a write that cannot be stored
 */
export function toPointWrite(write: Write, dimensions: number): PointWrite {
  const { collection, scope } = write
  const recordId = 'put' in write ? write.put.id : write.remove
  for (const [name, text] of Object.entries({ id: recordId, scope })) {
    if (!text.isWellFormed())
      throw notStored(`expected ${name} to be well-formed Unicode, got a lone surrogate`)
  }
  const place = { id: pointId(collection, scope, recordId), scope, collection }
  if (!('put' in write)) return { ...place, point: undefined }
  const { order, payload, dense, search } = write.put
  if (!Number.isSafeInteger(order) || order < 0) {
    throw notStored(`expected order to be a safe integer of at least 0, got ${describe(order)}`)
  }
  if (dense && hasVectors(collection) && dense.length !== dimensions) {
    throw notStored(`expected an embedding of ${dimensions} dimensions, got ${dense.length}`)
  }
  const text = asText(payload)
  const stored: PointPayload = { collection, scope, record_id: recordId, order }
  if (search && text.length > MAX_FOUND_LENGTH) stored.large = text
  else stored.payload = text
  if (dense && !(hasVectors(collection) && isKeptByQdrant(dense))) {
    stored.dense = Buffer.from(denseToBytes(dense)).toString('base64')
  }
  const vector: Point['vector'] = {}
  // Nine digits identify a 32-bit float.
  if (dense && hasVectors(collection)) vector.dense = Array.from(dense, (one) => Number(one.toPrecision(9)))
  if (search) {
    const { values, ...names } = toFields(payload)
    Object.assign(stored, { searchable: true, entry: encodeEntry(search), fields: values, ...names })
    vector.sparse = toSparse(search)
    if (!vector.dense) {
      stored.has_no_vector = true
      vector.dense = Array.from({ length: dimensions }, () => 0)
    }
  }
  return { ...place, point: { id: place.id, vector, payload: stored } }
}

/** Whether Qdrant stores the vector unchanged: it is zero, or its squared length is 1 up to the rounding of 32-bit floats. */
function isKeptByQdrant(dense: Float32Array): boolean {
  const squared = dense.reduce((sum, value) => sum + value * value, 0)
  return squared === 0 || Math.abs(squared - 1) <= MAX_DEVIATION
}

/** Half of the deviation that Qdrant accepts (`is_length_zero_or_normalized`), which it computes in 32-bit floats. */
const MAX_DEVIATION = 5e-7

/** A point as Qdrant returns it. */
export interface FoundPoint {
  id: string | number
  payload?: unknown
  vector?: unknown
}

/**
 * The record of a point, or `undefined` if it belongs to another scope or collection.
 * @param point without its vector, the record has no embedding
 */
export function toRecord(point: FoundPoint, collection: Kind, scope: string): StoredRecord | undefined {
  const stored = point.payload as PointPayload | null | undefined
  if (stored?.scope !== scope || stored.collection !== collection) return undefined
  return {
    id: stored.record_id,
    order: Number(stored.order),
    payload: JSON.parse(payloadOf(stored)) as JsonObject,
    dense: denseOf(stored, point.vector),
    ...(stored.entry && { search: decodeEntry(stored.entry) }),
  }
}

/** What reads of records ask for. */
export const SHOWN = { with_payload: { exclude: ['fields', 'present', 'partial'] } }

/** The JSON text of the record's payload. */
export function payloadOf({ payload, large }: PointPayload): string {
  return payload ?? (large as string)
}

function denseOf({ dense, has_no_vector }: PointPayload, vector: unknown): Float32Array | undefined {
  if (dense !== undefined) return denseFromBytes(Buffer.from(dense, 'base64'))
  const own = (vector as { [VECTOR]?: number[] } | null | undefined)?.[VECTOR]
  return own && !has_no_vector ? Float32Array.from(own) : undefined
}

/** The filter of every query, so that none can omit the scope. */
export function within(collection: Kind, scope: string) {
  return [
    { key: 'scope', match: { value: scope } },
    { key: 'collection', match: { value: collection } },
  ]
}

function asText(payload: JsonObject): string {
  let text: string
  try {
    text = JSON.stringify(payload)
  } catch (cause) {
    throw notStored(`expected a payload of JSON values: ${(cause as Error).message}`)
  }
  const bytes = Buffer.byteLength(text)
  if (bytes > MAX_RECORD_BYTES) {
    throw notStored(`expected a payload of at most ${MAX_RECORD_BYTES} bytes, got ${bytes}`)
  }
  return text
}

function notStored(reason: string): AppError {
  const message = `The record store rejected the write; nothing was stored: ${reason}.`
  return new AppError('backend_unavailable', message)
}
