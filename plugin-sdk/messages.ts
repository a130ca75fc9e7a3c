import { randomUUID } from 'node:crypto'
import { InvalidMessageError } from './errors.ts'
import { checkVariableName, wrong } from './message-check.ts'
import type { BlobMeta, LogEntry, LogStatus, Message, RetrieverResource } from './message-types.ts'

/** Raw bytes of one `blob_chunk`; Dify's reassembly takes no larger ones. */
export const BLOB_CHUNK_BYTES = 8192
/** Largest blob Dify reassembles. */
export const MAX_BLOB_BYTES = 30 * 1024 * 1024
/** Appended to the node's output `text`, and streamed. The empty string is allowed. */
export function textMessage(content: string): Message<'text'> {
  if (typeof content !== 'string') throw wrong('text', 'a string', content)
  return { type: 'text', message: { text: content }, meta: null }
}

/** One element of the node's output `json`. Empty objects and lists are values; null and scalars are refused. */
export function jsonMessage(value: object): Message<'json'> {
  if (typeof value !== 'object' || value === null) throw wrong('json', 'an object or an array', value)
  return { type: 'json', message: { json_object: value }, meta: null }
}

/** Shown as a link below the text. */
export function linkMessage(url: string): Message<'link'> {
  if (typeof url !== 'string' || url === '') throw wrong('link', 'a URL', url)
  return { type: 'link', message: { text: url }, meta: null }
}

/** Dify downloads the address and offers the image in `files`; it must reach it over http or https. */
export function imageMessage(url: string): Message<'image'> {
  if (typeof url !== 'string' || !/^https?:\/\/./i.test(url))
    throw wrong('image', 'an http or https URL', url)
  return { type: 'image', message: { text: url }, meta: null }
}

/**
 * A file for the node's output `files`, as chunks of 8192 bytes and a closing one. The size is checked before
 * the first chunk; at most 30 MiB.
 */
export function blobMessages(content: Uint8Array, meta: BlobMeta): Iterable<Message<'blob_chunk'>> {
  if (!(content instanceof Uint8Array)) throw wrong('blob', 'a Uint8Array', content)
  if (typeof meta?.mime_type !== 'string') throw wrong('blob mime_type', 'a media type', meta?.mime_type)
  if (content.length > MAX_BLOB_BYTES) {
    throw new InvalidMessageError(`blob: expected at most ${MAX_BLOB_BYTES} bytes, got ${content.length}`)
  }
  return chunks(content, { ...meta })
}

function* chunks(content: Uint8Array, meta: Record<string, unknown>): Generator<Message<'blob_chunk'>> {
  const id = randomUUID().replaceAll('-', '')
  const total_length = content.length
  let sequence = 0
  for (let start = 0; start < total_length; start += BLOB_CHUNK_BYTES) {
    const piece = content.subarray(start, start + BLOB_CHUNK_BYTES)
    const encoded = Buffer.from(piece.buffer, piece.byteOffset, piece.length).toString('base64')
    const message = { id, sequence, total_length, blob: encoded, end: false }
    yield { type: 'blob_chunk', message, meta }
    sequence += 1
  }
  yield { type: 'blob_chunk', message: { id, sequence, total_length, blob: '', end: true }, meta }
}

/** An output variable. Declare it in the tool's `output_schema` to make it selectable; a repeat overwrites. */
export function variableMessage(name: string, value: unknown): Message<'variable'> {
  checkVariableName(name)
  if (!isVariableValue(value)) {
    throw wrong(`variable ${name}`, 'an object, array, string, finite number, boolean or null', value)
  }
  return {
    type: 'variable',
    message: { variable_name: name, variable_value: value, stream: false },
    meta: null,
  }
}

/** The next piece of a text variable; pieces of the same name are joined in order. */
export function streamVariableMessage(name: string, piece: string): Message<'variable'> {
  checkVariableName(name)
  if (typeof piece !== 'string') throw wrong(`streamed variable ${name}`, 'a string', piece)
  return {
    type: 'variable',
    message: { variable_name: name, variable_value: piece, stream: true },
    meta: null,
  }
}

export interface LogOptions {
  label: string
  data?: Record<string, unknown>
  status?: LogStatus
  /** The log message this one belongs under. */
  parent?: Message<'log'>
  error?: string
  metadata?: Record<string, unknown>
}

/** Opens an entry of the run's trace. Keep the message to close it with `finishLogMessage`. Default status: start. */
export function logMessage(options: LogOptions): Message<'log'> {
  const entry: LogEntry = {
    id: randomUUID(),
    label: options.label,
    parent_id: options.parent?.message.id ?? null,
    error: options.error ?? null,
    status: options.status ?? 'start',
    data: options.data ?? {},
    metadata: options.metadata ?? null,
  }
  return { type: 'log', message: entry, meta: null }
}

/** Closes an entry: same id, label and parent, `data` and `metadata` joined. With `error` the status is error. */
export function finishLogMessage(
  opened: Message<'log'>,
  result: { error?: string; data?: Record<string, unknown>; metadata?: Record<string, unknown> } = {},
): Message<'log'> {
  const before = opened.message
  const metadata = before.metadata || result.metadata ? { ...before.metadata, ...result.metadata } : null
  const entry: LogEntry = {
    ...before,
    status: result.error === undefined ? 'success' : 'error',
    error: result.error ?? null,
    data: { ...before.data, ...result.data },
    metadata,
  }
  return { type: 'log', message: entry, meta: null }
}

/** Citations below the answer; `context` is the text they were taken into. */
export function retrieverResourcesMessage(
  resources: RetrieverResource[],
  context = '',
): Message<'retriever_resources'> {
  if (!Array.isArray(resources)) throw wrong('retriever_resources', 'an array', resources)
  return { type: 'retriever_resources', message: { retriever_resources: resources, context }, meta: null }
}

function isVariableValue(value: unknown): boolean {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true
  return typeof value === 'number' ? Number.isFinite(value) : typeof value === 'object'
}
