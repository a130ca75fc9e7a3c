/** What became of one memory. */
export interface MemoryEvent {
  /** `NOOP`: said before, and known from now on to have been said here too. */
  event: 'ADD' | 'UPDATE' | 'DELETE' | 'NOOP'
  id: string
  memory: string
  /** The text before an UPDATE. */
  previous?: string | undefined
}
