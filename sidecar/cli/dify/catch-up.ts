import type { Client } from '../transfer/client.ts'
import type { ProgressBar } from '../transfer/progress.ts'
import { threadOf } from '../transfer/readers/dify.ts'
import type { Dify, DifyMessage } from './client.ts'
import { conversationsOf, pages, type Sources, usersOf } from './listing.ts'

export interface CatchUpOptions extends Sources {
  /** `sys.user_id` of the users; empty: all users with memories. */
  users: readonly string[]
  /** Only these conversations, if there are any. */
  conversations: readonly string[]
  /** Stored with the turns. */
  appId: string | undefined
  /** Whether nothing is sent. */
  isDryRun: boolean
  bar: Pick<ProgressBar, 'draw' | 'say'>
  signal: AbortSignal
}

export interface CatchUpCounts {
  users: number
  conversations: number
  added: number
  present: number
  refused: number
  interrupted: boolean
}

/** Most refusals that are reported one by one. */
const MAX_REPORTED = 100

/**
 * Adds the turns of Dify that the sidecar does not have. A turn that it has stays as it is, whatever Dify holds for it, so
 * that a repeated or interrupted run continues with what is missing.
 */
export async function catchUp(options: CatchUpOptions): Promise<CatchUpCounts> {
  const { dify, sidecar, isDryRun, appId, bar, signal } = options
  const counts = { users: 0, conversations: 0, added: 0, present: 0, refused: 0, interrupted: false }
  const users = options.users.length > 0 ? options.users : await usersOf(sidecar)

  async function add(
    user: string,
    conversation_id: string,
    turn: number,
    message: DifyMessage,
  ): Promise<void> {
    const at = new Date(message.createdAt).toISOString()
    const messages = [
      { role: 'user', content: message.query, at },
      { role: 'assistant', content: message.answer, at },
    ].filter(({ content }) => content.trim() !== '')
    if (messages.length === 0) return
    if (!isDryRun) {
      const body = { user_id: user, conversation_id, turn, messages, ...(appId && { app_id: appId }) }
      const result = await sidecar.post('/v1/memories', body)
      if (!result.ok) {
        counts.refused += 1
        if (counts.refused <= MAX_REPORTED) bar.say(`${conversation_id} turn ${turn}: ${result.reason}`)
        return
      }
    }
    counts.added += 1
  }

  for (const [nth, user] of users.entries()) {
    const ids =
      options.conversations.length > 0 ? options.conversations : await conversationsOf(options, user)
    const conversations = [...ids]
    for (const [done, id] of conversations.entries()) {
      bar.draw(
        (nth + done / conversations.length) / users.length,
        `${counts.added} turns ${isDryRun ? 'to add' : 'added'}, ${counts.present} present`,
      )
      const messages = threadOf(await messagesOf(dify, user, id))
      if (messages.length > 0) counts.conversations += 1
      const has = messages.length > 0 ? await storedTurns(sidecar, user, id) : () => true
      for (const [i, message] of messages.entries()) {
        if (signal.aborted) return { ...counts, interrupted: true }
        if (has(i + 1, message)) counts.present += 1
        else await add(user, id, i + 1, message)
      }
    }
    counts.users += 1
  }
  bar.draw(1, `${counts.added} turns ${isDryRun ? 'to add' : 'added'}, ${counts.present} present`)
  return counts
}

/** Oldest first. */
async function messagesOf(dify: Dify, user: string, conversationId: string): Promise<DifyMessage[]> {
  const newestPageFirst = await Array.fromAsync(dify.messagesOf(user, conversationId))
  return newestPageFirst.reverse().flat()
}

interface TimelinePage {
  turns: { turn: number; added_at: string | null; messages: { role: string; content: string }[] }[]
  next_cursor: string | null
}

/**
 * Returns whether the sidecar has a turn: by its number, or by its words under another number, which two messages within
 * a second get from `sys.dialogue_count`.
 */
async function storedTurns(
  sidecar: Client,
  user: string,
  conversationId: string,
): Promise<(turn: number, message: DifyMessage) => boolean> {
  const numbers = new Set<number>()
  const texts = new Set<string>()
  const path = `/v1/conversations/${encodeURIComponent(conversationId)}/timeline`
  for await (const { turns } of pages<TimelinePage>(sidecar, path, { user_id: user })) {
    for (const { turn, added_at, messages } of turns) {
      if (added_at === null) continue
      numbers.add(turn)
      texts.add(JSON.stringify(messages.map(({ content }) => content.trim())))
    }
  }
  return (turn, { query, answer }) =>
    numbers.has(turn) || texts.has(JSON.stringify([query, answer].map((text) => text.trim()).filter(Boolean)))
}
