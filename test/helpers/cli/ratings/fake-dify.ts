import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export const APP_KEY = 'app-Very5ecretKeyOfTheApp'

type Rating = 'like' | 'dislike' | null

interface Message {
  id: string
  query: string
  createdAt: number
  rating: Rating
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
    requests.push(request.url ?? '')
    const failure = failures.shift()
    if (failure) {
      response.writeHead(failure.status, { 'content-type': 'application/json', ...failure.headers })
      const message = `Too many requests of ${request.headers.authorization}.`
      response.end(JSON.stringify({ code: 'too_many_requests', message, status: failure.status }))
    } else answer(request, response)
  })

  function answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://dify')
    const send = (status: number, body: object) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    }
    const notFound = (message: string) => send(404, { code: 'not_found', message, status: 404 })
    if (request.headers.authorization !== `Bearer ${APP_KEY}`) {
      return send(401, { code: 'unauthorized', message: 'Access token is invalid', status: 401 })
    }
    const limit = Number(query.get('limit') ?? 20)
    if (limit < 1 || limit > 100) return send(400, { code: 'invalid_param', message: 'limit', status: 400 })
    const own = conversations.filter(({ user }) => user === (query.get('user') ?? 'DEFAULT-USER'))
    if (pathname === '/v1/conversations') {
      const listed = own.filter((one) => one.isListed).sort((a, b) => b.updatedAt - a.updatedAt)
      const lastId = query.get('last_id')
      const at = lastId ? listed.findIndex(({ id }) => id === lastId) : -1
      if (lastId && at < 0) return notFound('Last Conversation Not Exists.')
      const data = listed.slice(at + 1, at + 1 + limit).map(toConversation)
      return send(200, { limit, has_more: at + 1 + limit < listed.length, data })
    }
    if (pathname === '/v1/messages') {
      const conversation = own.find(({ id }) => id === query.get('conversation_id'))
      if (!conversation) return notFound('Conversation Not Exists.')
      const newest = [...conversation.messages].reverse()
      const firstId = query.get('first_id')
      const at = firstId ? newest.findIndex(({ id }) => id === firstId) : -1
      if (firstId && at < 0) return notFound('First Message Not Exists.')
      const page = newest.slice(at + 1, at + 1 + limit).reverse()
      const data = page.map((message) => toMessage(conversation.id, message))
      return send(200, { limit, has_more: at + 1 + limit < newest.length, data })
    }
    notFound('The requested URL was not found on the server.')
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
        return { id: randomUUID(), query: `question ${i + 1}`, createdAt: clock, rating }
      })
      const conversation = { id, user, isListed, updatedAt: clock, messages }
      conversations.push(conversation)
      return conversation
    },
  }
}

function toConversation({ id, updatedAt }: Conversation) {
  const rest = { name: 'New conversation', inputs: {}, status: 'normal', introduction: '' }
  return { id, ...rest, created_at: updatedAt - 60, updated_at: updatedAt }
}

function toMessage(conversationId: string, { id, query, createdAt, rating }: Message) {
  return {
    id,
    conversation_id: conversationId,
    parent_message_id: '00000000-0000-0000-0000-000000000000',
    inputs: {},
    query,
    answer: `answer to ${query}`,
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
