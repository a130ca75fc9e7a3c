import type { Answer, Failure, Kind, Request, Table } from './messages.ts'
import { openQueueTable } from './queue-table.ts'
import { openRecordTable } from './record-table.ts'

const OPEN: Record<Kind, (path: string, options: object) => Table> = {
  records: openRecordTable,
  queue: openQueueTable,
}

/** Open files, and for files that could not be opened the reason. */
const files = new Map<number, Table | Failure>()

/** Processes requests that arrived together, those of a file in order. Yields the answers of each file once it is done. */
export function* answerRequests(requests: readonly Request[]): Generator<Answer[]> {
  for (const [file, ofFile] of Map.groupBy(requests, (request) => request.file)) yield handle(file, ofFile)
}

/** `open` is the first request of a file, and `close` the last one. */
function handle(file: number, requests: readonly Request[]): Answer[] {
  const named = (name: string) => requests.filter(({ operation }) => operation === name)
  const opened = named('open').map((request) => answer(request, () => open(file, request.args)))
  const table = files.get(file)
  const group = requests.filter(({ operation }) => operation !== 'open' && operation !== 'close')
  const answers =
    table && 'db' in table
      ? runGroup(table, group)
      : group.map(({ id }) => ({ id, failure: table ?? toFailure(new Error('the file is closed')) }))
  return [...opened, ...answers, ...named('close').map((request) => answer(request, () => close(file)))]
}

function open(file: number, [kind, path, options]: readonly unknown[]): void {
  try {
    files.set(file, OPEN[kind as Kind](path as string, options as object))
  } catch (cause) {
    files.set(file, toFailure(cause))
  }
}

function close(file: number): void {
  const table = files.get(file)
  files.delete(file)
  if (table && 'db' in table) table.close()
}

/**
 * Runs requests in order, all writes in one transaction. When the commit fails, because the disk is full for example,
 * each request is repeated in a transaction of its own, so that only those fail that cannot succeed.
 */
function runGroup(table: Table, requests: readonly Request[]): Answer[] {
  try {
    const answers = requests.map((request) => run(table, request))
    if (table.db.isTransaction) {
      table.db.exec('COMMIT')
      table.noteWrite(!answers.some((one) => 'failure' in one))
    }
    return answers
  } catch (cause) {
    if (table.db.isTransaction) table.db.exec('ROLLBACK')
    if (requests.length > 1) return requests.flatMap((request) => runGroup(table, [request]))
    table.noteWrite(false)
    return requests.map(({ id }) => ({ id, failure: toFailure(cause) }))
  }
}

/** @throws where SQLite has rolled back the transaction, and with it the earlier requests of the group */
function run({ db, reads, writes, assertInPlace }: Table, request: Request): Answer {
  const { operation, args } = request
  const read = reads[operation]
  if (read) return answer(request, () => read(...args))
  if (!db.isTransaction) db.exec('BEGIN IMMEDIATE')
  db.exec('SAVEPOINT request')
  const answered = answer(request, () => {
    assertInPlace()
    writes[operation]?.(...args)
  })
  if ('failure' in answered) {
    if (!db.isTransaction) throw Object.assign(new Error(), answered.failure)
    db.exec('ROLLBACK TO request')
  }
  db.exec('RELEASE request')
  return answered
}

function answer({ id }: Request, task: () => unknown): Answer {
  try {
    return { id, value: task() }
  } catch (cause) {
    return { id, failure: toFailure(cause) }
  }
}

function toFailure(cause: unknown): Failure {
  const { message, code, errcode } = cause as Failure
  return { message, code, errcode }
}
