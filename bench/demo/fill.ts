import { fileURLToPath } from 'node:url'
import { readTalks, type Talk, turnsOf } from '../talks/dataset.ts'
import stories from './stories.json' with { type: 'json' }

const TALKS = fileURLToPath(new URL('../talks/data/', import.meta.url))

/** The users that the dashboard shows after a demo, each with the strategy of their chatflow. */
const USERS = [
  { talk: 'en-1', userId: 'dee', strategy: 'cached_delta', windowSize: 8 },
  { talk: 'en-2', userId: 'gene', strategy: 'cached', windowSize: 5 },
  { talk: 'ja-1', userId: 'maho', strategy: 'cached_delta', windowSize: 8 },
  { talk: 'zh-1', userId: 'lin', strategy: 'per_query', windowSize: 5 },
] as const

/** Users who tell enough of their life for a graph of it, with its language in `stories.json`. */
const STORIES = [
  { language: 'en', userId: 'ada' },
  { language: 'ja', userId: 'hana' },
] as const

const DEADLINE_MS = 30_000

export interface Filled {
  userId: string
  conversationId: string
  turns: number
}

/**
 * Sends the labelled talks and the stories to a sidecar as a chatflow does, turn by turn: recall, then add. The sessions
 * of a talk become one conversation.
 * @param onTurn called after each turn with the number of turns of all users
 */
export async function fillSidecar(
  url: string,
  onTurn: (total: number) => void = () => {},
): Promise<Filled[]> {
  const talks = new Map(readTalks(TALKS).map((talk) => [talk.id, talk]))
  const users = USERS.map((user) => ({ ...user, talk: talks.get(user.talk) as Talk }))
  const told = [
    ...users.map(({ talk, ...user }) => ({ ...user, turns: turnsOf(talk) })),
    ...STORIES.map(({ language, userId }) => ({
      ...{ userId, strategy: 'cached_delta', windowSize: 8 },
      turns: stories[language].map(([at = '', user = '']) => ({ user, assistant: '', at })),
    })),
  ]
  const total = told.reduce((sum, { turns }) => sum + turns.length, 0)
  const filled: Filled[] = []
  for (const { turns, userId, strategy, windowSize: window_size } of told) {
    const who = { user_id: userId, conversation_id: `${userId}-1`, app_id: 'demo' }
    for (const [i, { user, assistant, at }] of turns.entries()) {
      const turn = i + 1
      await post(url, '/v1/recall', { ...who, turn, query: user, strategy, window_size, at })
      const messages = [
        { role: 'user', content: user, at },
        ...(assistant === '' ? [] : [{ role: 'assistant', content: assistant, at }]),
      ]
      await post(url, '/v1/memories', { ...who, turn, messages })
      onTurn(total)
    }
    filled.push({ userId: who.user_id, conversationId: who.conversation_id, turns: turns.length })
  }
  return filled
}

export async function post(url: string, path: string, body: unknown): Promise<unknown> {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(DEADLINE_MS),
  })
  if (!response.ok) throw new Error(`POST ${path}: status ${response.status}: ${await response.text()}`)
  return await response.json()
}
