import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export const APP_KEY = 'app-Very5ecretKeyOfTheApp'

type Rating = 'like' | 'dislike' | null

interface Message {
  id: string
  query: string
  answer: string
  /** Seconds. */
  createdAt: number
  rating: Rating
  parent: string
}

interface Conversation {
  id: string
  user: string
  /** A conversation of the web app is not in the list, but its messages can be read. */
  isListed: boolean
  updatedAt: number
  messages: Message[]
}

/** Answers `GET /v1/conversations` and `GET /v1/messages` as Dify 1.16 does, page sizes and errors included. */
export async function startFakeDify() {
  const conversations: Conversation[] = []
  const requests: string[] = []
  /** Errors that the next requests get, as status and headers. */
  const failures: { status: number; headers?: Record<string, string> }[] = []
  let clock = 1_760_000_000

  const server = createServer((request, response) => {
    const { url = '/', headers } = request
    requests.push(url)
    const failure = failures.shift()
    const message = `Too many requests of ${headers.authorization}.`
    const [status, body] = failure
      ? [failure.status, errorBody(failure.status, 'too_many_requests', message)]
      : answerTo(url, headers.authorization)
    response.writeHead(status, { 'content-type': 'application/json', ...failure?.headers })
    response.end(JSON.stringify(body))
  })

  function answerTo(url: string, authorization: string | undefined): [status: number, body: object] {
    const { pathname, searchParams: query } = new URL(url, 'http://dify')
    if (authorization !== `Bearer ${APP_KEY}`) {
      return [401, errorBody(401, 'unauthorized', 'Access token is invalid')]
    }
    const limit = Number(query.get('limit') ?? 20)
    if (limit < 1 || limit > 100) return [400, errorBody(400, 'invalid_param', 'limit')]
    const own = conversations.filter(({ user }) => user === (query.get('user') ?? 'DEFAULT-USER'))
    if (pathname === '/v1/conversations') {
      const listed = own.filter((one) => one.isListed).sort((a, b) => b.updatedAt - a.updatedAt)
      const start = startAfter(listed, query.get('last_id'))
      if (start === undefined) return notFound('Last Conversation Not Exists.')
      const data = listed.slice(start, start + limit).map(toConversation)
      return [200, { limit, has_more: start + limit < listed.length, data }]
    }
    if (pathname !== '/v1/messages') return notFound('The requested URL was not found on the server.')
    const conversation = own.find(({ id }) => id === query.get('conversation_id'))
    if (!conversation) return notFound('Conversation Not Exists.')
    const first = conversation.messages.find(({ id }) => id === query.get('first_id'))
    if (!first && query.get('first_id')) return notFound('First Message Not Exists.')
    // Messages of the same second as the first one are left out.
    const earlier = conversation.messages.filter((one) => !first || one.createdAt < first.createdAt)
    const data = earlier.slice(-limit).map((message) => toMessage(conversation.id, message))
    return [200, { limit, has_more: earlier.length > limit, data }]
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    failures,
    /** Adds a conversation with messages of these ratings, oldest first. */
    add(id: string, user: string, ratings: readonly Rating[], { isListed = true } = {}): Conversation {
      const messages = ratings.map((rating, i) => {
        clock += 1
        const [query, answer] = [`question ${i + 1}`, `answer to question ${i + 1}`]
        return { id: randomUUID(), query, answer, createdAt: clock, rating, parent: NO_PARENT }
      })
      const conversation = { id, user, isListed, updatedAt: clock, messages }
      conversations.push(conversation)
      return conversation
    },
  }
}

function errorBody(status: number, code: string, message: string) {
  return { code, message, status }
}

function notFound(message: string): [status: number, body: object] {
  return [404, errorBody(404, 'not_found', message)]
}

/** Position after the entry with this id; `undefined` if there is none. */
function startAfter(entries: readonly { id: string }[], id: string | null): number | undefined {
  if (!id) return 0
  const at = entries.findIndex((entry) => entry.id === id)
  return at < 0 ? undefined : at + 1
}

function toConversation({ id, updatedAt }: Conversation) {
  const rest = { name: 'New conversation', inputs: {}, status: 'normal', introduction: '' }
  return { id, ...rest, created_at: updatedAt - 60, updated_at: updatedAt }
}

const NO_PARENT = '00000000-0000-0000-0000-000000000000'

function toMessage(conversationId: string, { id, query, answer, createdAt, rating, parent }: Message) {
  return {
    id,
    conversation_id: conversationId,
    parent_message_id: parent,
    inputs: {},
    ...{ query, answer },
    feedback: rating === null ? null : { rating },
    retriever_resources: [],
    created_at: createdAt,
    agent_thoughts: [],
    message_files: [],
    status: 'normal',
    error: null,
    extra_contents: [],
  }
}
