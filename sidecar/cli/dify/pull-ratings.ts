import type { Client } from '../transfer/client.ts'
import { CliError } from '../transfer/input/cli-error.ts'
import type { progressBar } from '../transfer/progress.ts'
import type { Dify, DifyMessage } from './client.ts'
import { conversationsOf, usersOf } from './listing.ts'

export interface PullOptions {
  dify: Dify
  sidecar: Client
  /** `sys.user_id` of the users; empty: all users with memories. */
  users: readonly string[]
  /** Leaves out conversations that have not changed since, epoch milliseconds. */
  since: number | undefined
  /** Name of the outcome. */
  outcome: string
  bar: Pick<ReturnType<typeof progressBar>, 'draw' | 'say'>
  signal: AbortSignal
}

export interface PullCounts {
  users: number
  conversations: number
  /** Messages of conversations that an experiment has assigned. */
  messages: number
  likes: number
  dislikes: number
  /** Conversations that no experiment has assigned; their messages were not read. */
  unassigned: number
  interrupted: boolean
}

interface Attributed {
  attributed: { experiment: string; arm: string }[]
}

/** Outcomes that are posted at the same time. */
const CONCURRENCY = 8

/**
 * Records the ratings of messages in Dify as outcomes. The id of an outcome is that of its message, so that repeating it
 * changes nothing, a changed rating replaces the outcome, and a withdrawn one removes it.
 */
export async function pullRatings(options: PullOptions): Promise<PullCounts> {
  const { dify, sidecar, outcome, bar, signal } = options
  const counts: PullCounts = {
    ...{ users: 0, conversations: 0, messages: 0, likes: 0, dislikes: 0, unassigned: 0 },
    interrupted: false,
  }
  const users = options.users.length > 0 ? options.users : await usersOf(sidecar)

  async function post(user: string, conversationId: string, id: string, value: string): Promise<boolean> {
    const body = { name: outcome, value, user_id: user, conversation_id: conversationId, id }
    const result = await sidecar.post<Attributed>('/v1/outcomes', body)
    if (!result.ok) throw new CliError(`The sidecar rejects the outcome of message ${id}: ${result.reason}.`)
    return result.body.attributed.length > 0
  }

  async function record(user: string, conversationId: string, page: readonly DifyMessage[]): Promise<void> {
    for (let i = 0; i < page.length; i += CONCURRENCY) {
      const posted = page.slice(i, i + CONCURRENCY).map(async ({ id, rating }) => {
        await post(user, conversationId, id, rating ?? 'none')
        counts.messages += 1
        if (rating === 'like') counts.likes += 1
        if (rating === 'dislike') counts.dislikes += 1
      })
      await Promise.all(posted)
    }
  }

  for (const [nth, user] of users.entries()) {
    const conversations = await conversationsOf(options, user)
    for (const [done, conversationId] of [...conversations].entries()) {
      if (signal.aborted) return { ...counts, interrupted: true }
      bar.draw(
        (nth + done / conversations.size) / users.length,
        `${counts.messages} messages, ${counts.likes} likes, ${counts.dislikes} dislikes`,
      )
      counts.conversations += 1
      // Removes nothing: no message has this id. Tells whether the conversation takes part in an experiment.
      if (!(await post(user, conversationId, PROBE, 'none'))) {
        counts.unassigned += 1
        continue
      }
      for await (const page of dify.messagesOf(user, conversationId)) {
        await record(user, conversationId, page)
        if (signal.aborted) return { ...counts, interrupted: true }
      }
    }
    counts.users += 1
  }
  bar.draw(1, `${counts.messages} messages, ${counts.likes} likes, ${counts.dislikes} dislikes`)
  return counts
}

const PROBE = 'no-message'
