import { FORMAT, FORMAT_VERSION } from '../../../memory/archive/format.ts'
import { readElements } from '../input/elements.ts'
import { type Entry, isObject, preview, type Source, UnreadableFile } from '../input/entry.ts'

/** Reads a Hippocache export, or several concatenated ones. */
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
      if (userId !== undefined) yield incomplete(line)
      userId = readHeader(value as object, source.name)
      counts = {}
      continue
    }
    if (userId === undefined) {
      throw new UnreadableFile(`${source.name}: expected a Hippocache export, which starts with a header`)
    }
    if (kind === 'footer') {
      yield* compareCounts((value as { counts?: unknown }).counts, counts, line)
      userId = undefined
    } else if ('problem' in element) {
      yield { kind: 'problem', line, reason: element.problem }
    } else {
      if (typeof kind === 'string') counts[kind] = (counts[kind] ?? 0) + 1
      yield { kind: 'record', line, userId, body: value }
    }
  }
  if (userId !== undefined) yield incomplete(last)
}

/** @throws {UnreadableFile} */
function readHeader(header: object, name: string): string {
  const { format, version, user_id } = header as Record<string, unknown>
  if (format !== FORMAT || version !== FORMAT_VERSION || typeof user_id !== 'string') {
    throw new UnreadableFile(
      `${name}: expected a header of ${FORMAT} version ${FORMAT_VERSION}, got ${preview({ format, version })}`,
    )
  }
  return user_id
}

function* compareCounts(
  expected: unknown,
  counts: Readonly<Record<string, number>>,
  line: number,
): Generator<Entry> {
  for (const [kind, count] of Object.entries(isObject(expected) ? expected : {})) {
    const found = counts[kind] ?? 0
    const reason = `footer: expected ${preview(count)} lines of kind ${kind}, got ${found}`
    if (found !== count) yield { kind: 'problem', line, reason }
  }
}

function incomplete(line: number): Entry {
  return { kind: 'problem', line, reason: 'the export is incomplete: it has no footer' }
}
