import { FORMAT, FORMAT_VERSION } from '../../memory/transfer/format.ts'
import { readElements } from '../elements.ts'
import { type Entry, isObject, type Source, show, UnreadableFile } from '../entry.ts'

/** An export of Hippocache, or several one after the other. */
export async function* readHippocache(source: Source): AsyncGenerator<Entry> {
  let userId: string | undefined
  let counts: Record<string, number> = {}
  let last = 0
  for await (const element of readElements(source)) {
    const { line } = element
    last = line
    const value = 'value' in element ? element.value : undefined
    const kind = isObject(value) ? value['kind'] : undefined
    if (kind === 'header') {
      if (userId !== undefined) yield notWhole(line)
      userId = readHeader(value as object, source.name)
      counts = {}
      continue
    }
    if (userId === undefined) {
      throw new UnreadableFile(
        `${source.name}: expected an export of Hippocache, which begins with its header`,
      )
    }
    if (kind === 'footer') {
      yield* compare((value as { counts?: unknown }).counts, counts, line)
      userId = undefined
    } else if ('problem' in element) {
      yield { kind: 'problem', line, reason: element.problem }
    } else {
      if (typeof kind === 'string') counts[kind] = (counts[kind] ?? 0) + 1
      yield { kind: 'record', line, userId, body: value }
    }
  }
  if (userId !== undefined) yield notWhole(last)
}

/** @throws {UnreadableFile} */
function readHeader(header: object, name: string): string {
  const { format, version, user_id } = header as Record<string, unknown>
  if (format !== FORMAT || version !== FORMAT_VERSION || typeof user_id !== 'string') {
    throw new UnreadableFile(
      `${name}: expected a header of ${FORMAT} version ${FORMAT_VERSION}, got ${show({ format, version })}`,
    )
  }
  return user_id
}

function* compare(told: unknown, counts: Readonly<Record<string, number>>, line: number): Generator<Entry> {
  for (const [kind, count] of Object.entries(isObject(told) ? told : {})) {
    const found = counts[kind] ?? 0
    if (found === count) continue
    yield {
      kind: 'problem',
      line,
      reason: `the footer counts ${show(count)} of ${kind}, the file has ${found}`,
    }
  }
}

function notWhole(line: number): Entry {
  return { kind: 'problem', line, reason: 'the export has no footer: it is not whole' }
}
