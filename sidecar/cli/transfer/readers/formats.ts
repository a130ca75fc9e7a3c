import { readElements, readHead } from '../input/elements.ts'
import { type Entry, isObject, preview, type Source, UnreadableFile } from '../input/entry.ts'
import { readDify } from './dify.ts'
import { readDocument } from './document.ts'
import { readHippocache } from './hippocache.ts'
import { readMem0 } from './mem0.ts'
import { readMessages } from './messages.ts'

export const FORMATS = ['messages', 'dify', 'mem0', 'document', 'hippocache'] as const
export type Format = (typeof FORMATS)[number]

export const READERS: Readonly<Record<Format, (source: Source) => AsyncGenerator<Entry>>> = {
  messages: readMessages,
  dify: readDify,
  mem0: readMem0,
  document: readDocument,
  hippocache: readHippocache,
}

/** Entries that are inspected to detect the format. */
const MAX_INSPECTED = 20

/**
 * Detects the format of a file by its name or by its first entries.
 * @throws {UnreadableFile} naming the fields found and the option to pass
 */
export async function detectFormat(source: Source): Promise<Format> {
  if (/\.(?:txt|md|markdown)$/i.test(source.path)) return 'document'
  if (/\.csv$/i.test(source.path)) return 'dify'
  if ((await readHead(source.path)).trim() === '') throw new UnreadableFile(`${source.name} is empty`)
  let inspected = 0
  let first: unknown
  for await (const element of readElements({ ...source, onBytes: () => {} })) {
    const value = 'value' in element ? element.value : undefined
    const format = formatOf(value)
    if (format) return format
    first ??= isObject(value) ? Object.keys(value) : value
    if (++inspected === MAX_INSPECTED) break
  }
  const found = Array.isArray(first) ? `entries with ${preview(first)}` : preview(first)
  throw new UnreadableFile(
    `${source.name}: cannot detect the format (found ${found}); pass --format ${FORMATS.join(' | ')}`,
  )
}

function formatOf(value: unknown): Format | undefined {
  if (Array.isArray(value)) return value.some((one) => formatOf(one) === 'messages') ? 'messages' : undefined
  if (!isObject(value)) return undefined
  const has = (...names: readonly string[]) => names.some((name) => name in value)
  if (value['kind'] === 'header') return 'hippocache'
  if (has('role') && has('content')) return 'messages'
  if (Array.isArray(value['messages'])) return 'messages'
  if (has('feedback_id') || (has('query', 'question') && has('answer'))) return 'dify'
  if (typeof value['memory'] === 'string') return 'mem0'
  for (const name of ['data', 'results', 'memories', 'feedback_data']) {
    const list = value[name]
    const format = Array.isArray(list) ? list.map(formatOf).find(Boolean) : undefined
    if (format) return format
  }
  return undefined
}
