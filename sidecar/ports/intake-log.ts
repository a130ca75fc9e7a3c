import type { JsonObject } from './records.ts'

/** What was accepted, and is not known yet to have found its place among the records. */
export interface LoggedEntry {
  /** From 1; a later entry has a greater one, as long as the log has any. */
  place: number
  body: JsonObject
}

/**
 * A log that is written ahead: it takes an entry in little more than the disk needs, and whoever logs it brings it to
 * its place afterwards. Several entries may be on their way at once.
 */
export interface IntakeLog {
  /**
   * Resolves with the place of the entry when it is on disk.
   * @throws {AppError} `backend_unavailable`: nothing was logged
   */
  append(body: JsonObject): Promise<number>
  /** What is in it, in the order of their places. */
  entries(): LoggedEntry[]
  /** Lets entries go; when this resolves they do not come back. */
  remove(places: readonly number[]): Promise<void>
  close(): Promise<void>
}
