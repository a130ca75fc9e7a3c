import { readFileSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { turnsOf as pairMessages, textOf } from '../demo/dialogue.ts'
import { CATEGORIES, type Conversation, readLocomo } from '../locomo/dataset.ts'
import { readTalks, type Talk, turnsOf } from '../talks/dataset.ts'
import type { Dialogue, DialogueTurn } from './dialogue.ts'
import { fromLongMemEval, instance } from './longmemeval.ts'

/** The conversations that ship with the project. */
export const SHIPPED_TALKS = fileURLToPath(new URL('../talks/data', import.meta.url))

/**
 * Reads a folder of talks, or a file in the format of LoCoMo or LongMemEval.
 *
 * @param limit reads that many dialogues, the first ones of each group in turn; 0 for all
 * @throws {Error} for another format
 */
export function readDialogues(path: string, limit = 0): Dialogue[] {
  const all = statSync(path).isDirectory() ? readTalks(path).map(fromTalk) : readFile(path)
  if (limit === 0) return all
  const rankInGroup = (one: Dialogue) => all.filter(({ group }) => group === one.group).indexOf(one)
  return all.toSorted((a, b) => rankInGroup(a) - rankInGroup(b)).slice(0, limit)
}

export function fromTalk(talk: Talk): Dialogue {
  return {
    id: talk.id,
    group: talk.lang,
    turns: turnsOf(talk).map(({ ref, session, at, user, assistant }) => ({
      ref,
      session,
      messages: [
        { role: 'user', content: user, at: Date.parse(at) },
        { role: 'assistant', content: assistant, at: Date.parse(at) },
      ],
    })),
    questions: talk.questions.map(({ q, at, answer, kind, evidence, stale }, i) => ({
      ...{ id: String(i + 1), question: q, answer, kind, evidence, stale, at: Date.parse(at) },
    })),
  }
}

function readFile(path: string): Dialogue[] {
  const data: unknown = JSON.parse(readFileSync(path, 'utf8'))
  const [first] = Array.isArray(data) ? data : []
  if (instance.safeParse(first).success)
    return (data as unknown[]).map((one) => fromLongMemEval(instance.parse(one)))
  if (first?.conversation && first.qa) return readLocomo(path).map(fromLocomo)
  throw new Error(
    `--data: expected a folder of talks, or a JSON array of conversations of LoCoMo or instances of LongMemEval, got ${path}`,
  )
}

/** Two messages are a turn. Adversarial questions, which have no answer, are left out. */
function fromLocomo(conversation: Conversation): Dialogue {
  const refOf = new Map<string, string>()
  const turns = pairMessages(conversation).map(({ turn, user, assistant }): DialogueTurn => {
    const ref = `${user.session}:${turn}`
    const messages = [user, ...(assistant ? [assistant] : [])]
    for (const { id } of messages) refOf.set(id, ref)
    return {
      ref,
      session: user.session,
      messages: messages.map((message, i) => ({
        role: i === 0 ? 'user' : 'assistant',
        name: message.speaker,
        content: textOf(message, true),
        at: message.at,
      })),
    }
  })
  const questions = conversation.questions.flatMap(({ question, answer = '', category, evidence }, i) => {
    if (CATEGORIES[category] === 'adversarial') return []
    const refs = [...new Set(evidence.flatMap((id) => refOf.get(id) ?? []))]
    const kind = `${category} ${CATEGORIES[category] ?? 'unknown'}`
    return [{ id: String(i + 1), question, answer, kind, evidence: refs, stale: [] }]
  })
  return { id: conversation.id, group: 'LoCoMo', turns, questions }
}
