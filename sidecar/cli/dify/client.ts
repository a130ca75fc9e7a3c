import { z } from 'zod'
import { type CallResult, createClient } from '../transfer/client.ts'
import { CliError } from '../transfer/input/cli-error.ts'

const page = <T extends z.ZodType>(item: T) => z.looseObject({ has_more: z.boolean(), data: z.array(item) })

const conversations = page(z.looseObject({ id: z.string(), updated_at: z.number().nullish() }))

const messages = page(
  z.looseObject({
    id: z.string(),
    query: z.string().nullish(),
    answer: z.string().nullish(),
    /** Seconds. */
    created_at: z.number(),
    parent_message_id: z.string().nullish(),
    /** The rating of the end user; `null` if there is none or it was withdrawn. */
    feedback: z.looseObject({ rating: z.enum(['like', 'dislike']).nullish() }).nullish(),
  }),
)

export interface DifyMessage {
  id: string
  rating: 'like' | 'dislike' | null
  /** What the user said; '' if nothing. */
  query: string
  /** '' if the run was stopped or failed before it answered. */
  answer: string
  /** Epoch milliseconds, in whole seconds. */
  createdAt: number
  /** The preceding message; null in older versions of Dify. */
  parent: string | null
}

export interface DifyOptions {
  /** With or without `/v1` at the end. */
  url: string
  /** An API key of the app. */
  key: string
  onWait?: (milliseconds: number, reason: string) => void
  requestTimeoutMs?: number
  maxWaitMs?: number
}

/** The largest page that Dify serves. */
const PAGE = '100'
const REQUEST_TIMEOUT_MS = 30_000
/** A run is repeated, for example every hour, so that it need not outlast a long failure of Dify. */
const MAX_WAIT_MS = 60_000

/** Reads conversations and messages through the API of a Dify app. The key is in no message of an error. */
export function createDify({ url, key, ...options }: DifyOptions) {
  const base = url.replace(/\/+$/, '').replace(/\/v1$/, '')
  if (!/^https?:\/\/[^/]/.test(base)) {
    throw new CliError(`--dify: expected an address like https://api.dify.ai/v1, got ${JSON.stringify(url)}`)
  }
  if (!/^[\x21-\x7e]+$/.test(key)) {
    throw new CliError(
      '--app-key: expected printable ASCII without blanks. Copy it again from API Access of the app.',
    )
  }
  const client = createClient({
    ...{ requestTimeoutMs: REQUEST_TIMEOUT_MS, maxWaitMs: MAX_WAIT_MS, ...options },
    ...{ url: base, key, keyOption: '--app-key' },
  })

  async function read<T extends z.ZodType>(
    schema: T,
    path: string,
    query: Readonly<Record<string, string>>,
  ): Promise<CallResult<z.output<T>>> {
    let result: CallResult<unknown>
    try {
      result = await client.get<unknown>(path, query)
    } catch (error) {
      if (error instanceof CliError) throw new CliError(error.message.replaceAll(key, '***'))
      throw error
    }
    if (!result.ok) return { ...result, reason: result.reason.replaceAll(key, '***') }
    const parsed = schema.safeParse(result.body)
    if (parsed.success) return { ok: true, body: parsed.data }
    throw new CliError(
      `${base}${path} does not answer like Dify (${parsed.error.issues[0]?.path.join('.')}).`,
    )
  }

  return {
    /**
     * The conversations that a user had through the API, latest change first.
     * @param since leaves out those that have not changed since, epoch milliseconds
     */
    async *conversationsOf(user: string, since = 0): AsyncGenerator<string> {
      let lastId = ''
      for (;;) {
        const query = { user, limit: PAGE, sort_by: '-updated_at', ...(lastId && { last_id: lastId }) }
        const result = await read(conversations, '/v1/conversations', query)
        if (!result.ok) {
          // The conversation at the end of the last page was deleted meanwhile.
          if (result.status === 404 && lastId !== '') return
          throw new CliError(
            `Dify does not list the conversations of ${JSON.stringify(user)}: ${result.reason}.`,
          )
        }
        for (const { id, updated_at } of result.body.data) {
          if (typeof updated_at === 'number' && updated_at * 1000 < since) return
          yield id
        }
        const last = result.body.data.at(-1)?.id
        if (!result.body.has_more || last === undefined || last === lastId) return
        lastId = last
      }
    },

    /**
     * The messages of a conversation in pages, the latest page first and each page oldest first; no page if Dify does not
     * know the conversation.
     */
    async *messagesOf(user: string, conversationId: string): AsyncGenerator<DifyMessage[]> {
      let firstId = ''
      const seen = new Set<string>()
      for (;;) {
        const query = {
          ...{ user, conversation_id: conversationId, limit: PAGE },
          ...(firstId && { first_id: firstId }),
        }
        const result = await read(messages, '/v1/messages', query)
        if (!result.ok) {
          if (result.status === 404) return
          throw new CliError(`Dify does not list the messages of ${conversationId}: ${result.reason}.`)
        }
        const { data, has_more } = result.body
        yield data.filter(({ id }) => !seen.has(id)).map(toMessage)
        for (const { id } of data) seen.add(id)
        const [oldest] = data
        // Dify returns the messages of earlier seconds than that of first_id: the oldest one would hide others of its second.
        const next = data.find(({ created_at }) => created_at > (oldest?.created_at ?? 0)) ?? oldest
        const pivot = next?.id === firstId ? oldest : next
        if (!has_more || pivot === undefined || pivot.id === firstId) return
        firstId = pivot.id
      }
    },
  }
}

function toMessage(message: z.output<typeof messages>['data'][number]): DifyMessage {
  const { id, feedback, query, answer, created_at, parent_message_id } = message
  return {
    id,
    rating: feedback?.rating ?? null,
    query: query ?? '',
    answer: answer ?? '',
    createdAt: created_at * 1000,
    parent: parent_message_id ?? null,
  }
}

export type Dify = ReturnType<typeof createDify>
