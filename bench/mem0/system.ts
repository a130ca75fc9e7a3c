/** A message as both systems get it. */
export interface Said {
  role: 'user' | 'assistant'
  speaker: string
  text: string
  /** Epoch milliseconds. */
  at: number
}

/** One call of `add`. */
export interface TurnToAdd {
  conversationId: string
  /** From 1 in each conversation. */
  turn: number
  messages: readonly Said[]
}

/** A memory system in a process of its own, asked the same as the other. One user, nothing remembered at the start. */
export interface MemorySystem extends AsyncDisposable {
  /** Milliseconds that the caller waited. */
  add(turn: TurnToAdd): Promise<number>
  /** Resolves when all that was added is searchable. */
  settle(): Promise<void>
  search(query: string, topK: number): Promise<Found>
}

export interface Found {
  /** Best first. */
  texts: string[]
  /** Milliseconds that the caller waited. */
  tookMs: number
}

/** A system as it takes part in a measurement. */
export interface Contestant {
  name: string
  /** Its key and the name of its models at the scripted model: what it asks for is counted by this. */
  id: string
  start(): Promise<MemorySystem>
}
