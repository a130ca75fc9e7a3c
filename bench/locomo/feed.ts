import type { Embedder } from '../../sidecar/ports/embedder.ts'
import { questionIn } from '../../sidecar/text/verbatim/answers.ts'
import { keepVerbatim } from '../../sidecar/text/verbatim/verbatim.ts'
import type { SpokenMemory } from '../lib/rank-memories.ts'
import type { Conversation, Message } from './dataset.ts'

export interface FeedOptions {
  /** Whether to append image captions to the texts, as `[shares: …]`. */
  captions: boolean
}

export interface Feed {
  memories: SpokenMemory[]
  /** Message id (`dia_id`) by memory id. */
  messageOf: Map<string, string>
}

/** Length of the preceding message that the sidecar keeps as context, UTF-16 code units. */
const MAX_CONTEXT_LENGTH = 500

/** Creates the memories that the sidecar stores for a conversation in verbatim mode. */
export async function feedConversation(
  conversation: Conversation,
  embedder: Embedder,
  options: FeedOptions,
): Promise<Feed> {
  const memories: Omit<SpokenMemory, 'dense'>[] = []
  const messageOf = new Map<string, string>()
  let previous: Message | undefined
  conversation.messages.forEach((message, index) => {
    const content = contentOf(message, options)
    const context =
      previous?.session === message.session
        ? contentOf(previous, options).slice(-MAX_CONTEXT_LENGTH)
        : undefined
    const answersQuestion = context !== undefined && questionIn(context) !== null
    const pieces = keepVerbatim({ role: 'user', content }, { answersQuestion })
    pieces.forEach((text, ordinal) => {
      const id = `${message.id}/${ordinal}`
      messageOf.set(id, message.id)
      memories.push({
        id,
        text,
        speaker: message.speaker,
        role: 'user',
        conversationId: conversation.id,
        turn: index + 1,
        ordinal,
        at: message.at,
        ...(context !== undefined && { context }),
      })
    })
    previous = message
  })
  const dense = await embedder.embed(
    memories.map((memory) => memory.text),
    'document',
  )
  return {
    memories: memories.map((memory, i) => ({ ...memory, dense: dense[i] as Float32Array })),
    messageOf,
  }
}

/** The text of a message as it is sent to the sidecar. */
export function contentOf({ text, caption }: Message, { captions }: FeedOptions): string {
  return captions && caption ? `${text} [shares: ${caption}]` : text
}
