import type { Dialogue, DialogueQuestion } from '../dialogues/dialogue.ts'

/** A way to choose the part of a conversation that the model reads. */
export interface AnswerSystem {
  name: string
  open(dialogue: Dialogue): Promise<OpenSystem>
}

export interface OpenSystem extends AsyncDisposable {
  /** Questions are asked in order; `turn` counts them from 1. */
  contextFor(question: DialogueQuestion, turn: number): Promise<string>
}
