import type { OpenFile } from './file.ts'

/** What the client sends to the worker thread. */
export interface Request {
  id: number
  /** Number that the client gave the file when it sent `open`. */
  file: number
  /** `open`, `close`, or an operation of the table. */
  operation: string
  args: readonly unknown[]
}

export type Answer = { id: number; value: unknown } | { id: number; failure: Failure }

/** The parts of an error that survive the copy between threads. */
export interface Failure {
  message: string
  code: string | undefined
  /** Result code of SQLite; 13 is a full disk. */
  errcode: number | undefined
}

export type Kind = 'records' | 'queue'

// biome-ignore lint/suspicious/noExplicitAny: arguments arrive by message; records.ts and queue.ts fix their types
type Operation = (...args: any[]) => unknown

/** An open file and the operations that the worker runs on it. */
export interface Table extends OpenFile {
  reads: Record<string, Operation>
  writes: Record<string, Operation>
}
