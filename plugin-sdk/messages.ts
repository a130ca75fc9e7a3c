import { randomUUID } from 'node:crypto'
import { describe, InvalidMessageError } from './errors.ts'

export interface BlobMeta {
  mime_type: string
  filename?: string
}

type LogStatus = 'start' | 'success' | 'error'

interface LogEntry {
  /** A repeated id updates the entry. */
  id: string
  label: string
  parent_id: string | null
  error: string | null
  status: LogStatus
  data: Record<string, unknown>
  /** Dify reads started_at, finished_at, elapsed_time (seconds), total_price, total_tokens, provider, currency. */
  metadata: Record<string, unknown> | null
}

export interface RetrieverResource {
  position?: number
  dataset_id?: string
  dataset_name?: string
  document_id?: string
  document_name?: string
  segment_id?: string
  score?: number
  content?: string
  [field: string]: unknown
}

interface MessageBodies {
  text: { text: string }
  json: { json_object: object }
  link: { text: string }
  image: { text: string }
  blob_chunk: { id: string; sequence: number; total_length: number; blob: string; end: boolean }
  variable: { variable_name: string; variable_value: unknown; stream: boolean }
  log: LogEntry
  retriever_resources: { retriever_resources: RetrieverResource[]; context: string }
}

type ToolMessageType = keyof MessageBodies

/** One chunk that a tool yields. */
export type ToolMessage = {
  [T in ToolMessageType]: { type: T; message: MessageBodies[T]; meta: Record<string, unknown> | null }
}[ToolMessageType]

export type Message<T extends ToolMessageType> = Extract<ToolMessage, { type: T }>

/** Raw bytes of one `blob_chunk`; Dify rejects larger ones. */
const BLOB_CHUNK_BYTES = 8192
/** Largest blob Dify reassembles. */
export const MAX_BLOB_BYTES = 30 * 1024 * 1024

/** Text that is appended to the node's output `text` and streamed. */
export function textMessage(content: string): Message<'text'> {
  if (typeof content !== 'string') throw wrong('text', 'a string', content)
  return { type: 'text', message: { text: content }, meta: null }
}

/** One element of the node's output `json`: an object or an array. */
export function jsonMessage(value: object): Message<'json'> {
  if (typeof value !== 'object' || value === null) throw wrong('json', 'an object or an array', value)
  return { type: 'json', message: { json_object: value }, meta: null }
}

/** A link below the text. */
export function linkMessage(url: string): Message<'link'> {
  if (typeof url !== 'string' || url === '') throw wrong('link', 'a URL', url)
  return { type: 'link', message: { text: url }, meta: null }
}

/** An image in the output `files`, which Dify downloads over http or https. */
export function imageMessage(url: string): Message<'image'> {
  if (typeof url !== 'string' || !/^https?:\/\/./i.test(url))
    throw wrong('image', 'an http or https URL', url)
  return { type: 'image', message: { text: url }, meta: null }
}

/**
 * A file of up to 30 MiB for the node's output `files`, as chunks of 8192 bytes and a closing one. Checks the size
 * before the first chunk.
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

/** An output variable, selectable in the editor if `output_schema` declares it. A repeated name overwrites it. */
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

/** The next piece of a text variable; Dify joins the pieces of a name in order. */
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

/** Opens an entry of the run's trace; `finishLogMessage` closes it. Default status: start. */
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

/** Closes an entry and merges `data` and `metadata`. The status is success, or error if `error` is given. */
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

/** Citations below the answer; `context` is the text that contains them. */
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

/** Built-in outputs of every tool node; a variable message of that name fails the invocation. */
export const RESERVED_VARIABLES: readonly string[] = ['json', 'text', 'files']

const TYPES: readonly string[] = [
  'text',
  'json',
  'link',
  'image',
  'blob_chunk',
  'variable',
  'log',
  'retriever_resources',
] satisfies ToolMessageType[]

/**
 * Checks a message that a tool yielded. The daemon ends a session at an unknown type, and Dify fails a node at a
 * reserved name. Throws `InvalidMessageError`.
 */
export function assertToolMessage(value: unknown): asserts value is ToolMessage {
  if (typeof value !== 'object' || value === null || !('type' in value) || !('message' in value)) {
    throw wrong('tool output', 'a message of one of the create… methods', value)
  }
  if (typeof value.type !== 'string' || !TYPES.includes(value.type)) {
    throw wrong('tool message type', `one of ${TYPES.join(', ')}`, value.type)
  }
  if (typeof value.message !== 'object' || value.message === null || Array.isArray(value.message)) {
    throw wrong(`${value.type} message`, 'an object', value.message)
  }
  if (value.type === 'variable') {
    const { variable_name } = value.message as { variable_name?: unknown }
    checkVariableName(variable_name)
  }
}

/** Throws `InvalidMessageError` for an empty or reserved name. */
function checkVariableName(name: unknown): void {
  if (typeof name !== 'string' || name === '') throw wrong('variable name', 'a non-empty string', name)
  if (RESERVED_VARIABLES.includes(name)) {
    throw new InvalidMessageError(
      `variable name: ${JSON.stringify(name)} is reserved by Dify (reserved: ${RESERVED_VARIABLES.join(', ')})`,
    )
  }
}

function wrong(what: string, expected: string, got: unknown): InvalidMessageError {
  return new InvalidMessageError(`${what}: expected ${expected}, got ${describe(got)}`)
}
