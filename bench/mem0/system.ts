/** A message, in the same form for both systems. */
export interface InputMessage {
  role: 'user' | 'assistant'
  speaker: string
  text: string
  /** Epoch milliseconds. */
  at: number
}

/** The input of one `add` call. */
export interface TurnToAdd {
  conversationId: string
  /** Counts from 1 in each conversation. */
  turn: number
  messages: readonly InputMessage[]
}

/** A memory system in its own process, with one user and no memories at the start. */
export interface MemorySystem extends AsyncDisposable {
  /** Returns the latency at the caller, milliseconds. */
  add(turn: TurnToAdd): Promise<number>
  /** Resolves when all added turns are searchable. */
  settle(): Promise<void>
  search(query: string, topK: number): Promise<SearchResult>
}

export interface SearchResult {
  /** Best first. */
  texts: string[]
  /** Latency at the caller. */
  tookMs: number
}

/** A system that takes part in a measurement. */
export interface SystemUnderTest {
  name: string
  /** Its API key and model name at the scripted model, by which its usage is counted. */
  id: string
  start(): Promise<MemorySystem>
}
