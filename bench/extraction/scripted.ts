import { type FactTable, memoryModel, type TableFact } from '../../test/helpers/memory-model.ts'
import { type ScriptedOpenAi, startScriptedOpenAi } from '../../test/helpers/scripted-openai/server.ts'
import type { Dialogue, DialogueTurn } from '../dialogues/dialogue.ts'

/** Characters of a message that identify it in a prompt, and of a fact. */
const KEY_LENGTH = 40
const FACT_LENGTH = 300

/**
 * Starts a model that repeats each user message as one fact, and knows from the labels which fact replaces which: what it
 * loses is lost by the engine.
 */
export async function startScriptedModel(dialogues: readonly Dialogue[]): Promise<ScriptedOpenAi> {
  const table: Record<string, TableFact[]> = {}
  for (const { turns, questions } of dialogues) {
    const textOf = new Map(turns.map((turn) => [turn.ref, factOf(turn)]))
    const replaced = new Map(
      questions.flatMap(({ evidence, stale }) => {
        const old = stale.flatMap((ref) => textOf.get(ref) ?? []).at(-1)
        return old === undefined ? [] : evidence.map((ref) => [ref, old] as const)
      }),
    )
    for (const turn of turns) {
      const text = factOf(turn)
      const replaces = replaced.get(turn.ref)
      table[keyOf(turn)] = [
        { text, topic: 'other', ...(replaces !== undefined && replaces !== text && { replaces }) },
      ]
    }
  }
  return await startScriptedOpenAi({ rules: [{ answer: memoryModel(table satisfies FactTable) }] })
}

function keyOf({ messages }: DialogueTurn): string {
  return (messages[0]?.content ?? '').split('\n')[0]?.slice(0, KEY_LENGTH).trim() ?? ''
}

function factOf({ messages }: DialogueTurn): string {
  return (messages[0]?.content ?? '').replace(/\s+/gu, ' ').trim().slice(0, FACT_LENGTH).toWellFormed()
}
