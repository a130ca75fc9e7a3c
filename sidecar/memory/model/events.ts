/** A change of one memory. */
export interface MemoryEvent {
  /** `NOOP`: the memory existed and got one more source. */
  event: 'ADD' | 'UPDATE' | 'DELETE' | 'NOOP'
  id: string
  memory: string
  /** The text before an `UPDATE`. */
  previous?: string | undefined
}
