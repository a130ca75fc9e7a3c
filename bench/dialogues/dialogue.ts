/** A labelled conversation of any data set, with all sessions joined. */
export interface Dialogue {
  id: string
  /** Language, or the name of the data set where it has one language. */
  group: string
  turns: DialogueTurn[]
  questions: DialogueQuestion[]
}

export interface DialogueTurn {
  ref: string
  session: number
  messages: DialogueMessage[]
}

export interface DialogueMessage {
  role: 'user' | 'assistant'
  name?: string
  content: string
  /** Epoch milliseconds. */
  at: number
}

export interface DialogueQuestion {
  /** Unique in its dialogue. */
  id: string
  question: string
  /** Empty if the data set says that there is none. */
  answer: string
  /** Category or kind, in the words of the data set. */
  kind: string
  /** Refs of the turns that hold the answer. */
  evidence: string[]
  /** Refs of the turns that hold a value which a later turn replaced. */
  stale: string[]
  /** When it is asked, epoch milliseconds. Absent: after the last turn. */
  at?: number
}

/** The text of a turn as it is put into a prompt. */
export function transcriptOf({ messages }: DialogueTurn): string {
  return messages
    .map(
      ({ role, name = role, content, at }) =>
        `[${new Date(at).toISOString().slice(0, 16)}] ${name}: ${content}`,
    )
    .join('\n')
}
