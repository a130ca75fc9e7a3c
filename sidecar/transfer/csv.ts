import type { Source } from './entry.ts'
import { readLines } from './lines.ts'

/**
 * The rows of a CSV file with a header (RFC 4180), each as an object by the names of the columns in lower case; a
 * quoted field may hold line breaks. `line` is where a row begins.
 */
export async function* readCsv(
  source: Source,
): AsyncGenerator<{ line: number; row: Record<string, string> }> {
  let columns: string[] | undefined
  let fields: string[] = []
  let field: string | undefined
  let began = 1
  for await (const read of readLines(source)) {
    const text = 'text' in read ? read.text : ''
    if (field === undefined) began = read.line
    ;({ fields, field } = readFields(text, fields, field))
    if (field !== undefined) continue
    if (columns) {
      const names = columns
      const row = Object.fromEntries(fields.map((value, i) => [names[i] ?? `column ${i + 1}`, value]))
      if (fields.some((value) => value !== '')) yield { line: began, row }
    } else {
      columns = fields.map((name) => name.trim().toLowerCase())
    }
    fields = []
  }
  if (field !== undefined && columns) {
    const names = columns
    yield {
      line: began,
      row: Object.fromEntries([...fields, field].map((value, i) => [names[i] ?? '', value])),
    }
  }
}

/**
 * Reads on in a line.
 * @param open what has been read of a quoted field that began on an earlier line
 */
function readFields(text: string, before: readonly string[], open: string | undefined) {
  const fields = [...before]
  let field = open === undefined ? '' : `${open}\n`
  let isQuoted = open !== undefined
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string
    if (isQuoted) {
      if (char !== '"') field += char
      else if (text[i + 1] === '"') field += text[i++]
      else isQuoted = false
    } else if (char === '"' && field === '') isQuoted = true
    else if (char === ',') {
      fields.push(field)
      field = ''
    } else field += char
  }
  if (isQuoted) return { fields, field }
  return { fields: [...fields, field], field: undefined }
}
