import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream'
import { CsvError, type Info, parse } from 'csv-parse'
import { type Element, type Source, UnreadableFile } from './entry.ts'
import { MAX_LENGTH } from './lines.ts'

interface Row {
  record: Record<string, string>
  info: Info
  raw: string
}

/**
 * Yields the rows of a CSV file with a header, keyed by lower-case column name. `line` is the row's first line.
 * @throws {UnreadableFile} for a quote that is not closed or a row that is too long
 */
export async function* readCsv(source: Source): AsyncGenerator<Element> {
  const file = createReadStream(source.path)
  const parser = parse({
    bom: true,
    columns: (names: string[]) => names.map((name) => name.trim().toLowerCase()),
    info: true,
    raw: true,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    skip_records_with_empty_values: true,
    max_record_size: MAX_LENGTH,
  })
  try {
    for await (const { record, info, raw } of pipeline(file, parser, () => {}) as AsyncIterable<Row>) {
      yield { line: info.lines - raw.trim().split('\n').length + 1, value: record }
      source.onBytes(file.bytesRead)
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    throw new UnreadableFile(`${source.name}: expected CSV: ${error.message}`)
  }
}
