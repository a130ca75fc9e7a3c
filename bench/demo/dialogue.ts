import { readFileSync } from 'node:fs'
import { type Conversation, type Message, readLocomo } from '../locomo/dataset.ts'

/** The input of one Add Memory call: a user message and its answer. */
export interface Turn {
  conversationId: string
  turn: number
  user: Message
  assistant: Message | null
}

interface SmallFile {
  conversations: {
    id: string
    sessions: { at: string; messages: [speaker: string, text: string][] }[]
    questions: [question: string, category: number, evidence: string[]][]
  }[]
}

/** Reads the conversations that ship with the project, in the shape of LoCoMo conversations. */
function readShipped(): Conversation[] {
  const file = JSON.parse(readFileSync(new URL('conversations.json', import.meta.url), 'utf8')) as SmallFile
  return file.conversations.map(({ id, sessions, questions }) => ({
    id,
    messages: sessions.flatMap(({ at, messages }, s) =>
      messages.map(([speaker, text], m) => ({
        id: `${s + 1}:${m + 1}`,
        session: s + 1,
        speaker,
        text,
        caption: null,
        at: Date.parse(at) + m * 1000,
      })),
    ),
    questions: questions.map(([question, category, evidence]) => ({ question, category, evidence })),
  }))
}

/** @throws {Error} listing the conversations of the file if `id` is not one of them */
export function readConversations(path: string | undefined, id: string | undefined): Conversation[] {
  const all = path === undefined ? readShipped() : readLocomo(path)
  if (id === undefined) return all
  const wanted = all.filter((conversation) => conversation.id === id)
  if (wanted.length === 0) {
    throw new Error(`--conversation: expected one of ${all.map((one) => one.id).join(', ')}, got ${id}`)
  }
  return wanted
}

/** Pairs messages into turns. Each session becomes one Dify conversation whose turns count from 1. */
export function turnsOf({ id, messages }: Conversation): Turn[] {
  const turns: Turn[] = []
  for (const session of Map.groupBy(messages, (message) => message.session).values()) {
    for (let i = 0; i < session.length; i += 2) {
      const [user, assistant = null] = session.slice(i, i + 2)
      if (!user) continue
      turns.push({ conversationId: `${id}-${user.session}`, turn: i / 2 + 1, user, assistant })
    }
  }
  return turns
}

/** The text of a message, with the caption of an attached image if `captions` is set. */
export function textOf({ text, caption }: Message, captions: boolean): string {
  return captions && caption ? `${text} [shares: ${caption}]` : text
}
