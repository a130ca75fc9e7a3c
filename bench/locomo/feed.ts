import { keepVerbatim } from '../../sidecar/memory/model/verbatim.ts'
import type { Embedder } from '../../sidecar/ports/embedder.ts'
import type { IndexedMemory } from '../../sidecar/recall/scope-index.ts'
import type { Conversation, Message } from './dataset.ts'

export interface FeedOptions {
  /** Append image captions to the texts, as `[shares: …]`. */
  captions: boolean
  /** Keep whole messages instead of the sentences that verbatim mode keeps. */
  whole?: boolean
}

export interface Feed {
  memories: IndexedMemory[]
  /** `dia_id` of each memory. */
  messageOf: Map<string, string>
}

/** As much of the message before as the sidecar keeps, in UTF-16 code units. */
const MAX_CONTEXT = 500

/** The memories that the sidecar makes of a conversation in verbatim mode, message by message. */
export async function feedConversation(
  conversation: Conversation,
  embedder: Embedder,
  options: FeedOptions,
): Promise<Feed> {
  const memories: Omit<IndexedMemory, 'dense'>[] = []
  const messageOf = new Map<string, string>()
  let before: Message | undefined
  conversation.messages.forEach((message, index) => {
    const content = contentOf(message, options)
    const pieces = options.whole ? [content] : keepVerbatim({ role: 'user', content, name: message.speaker })
    const context =
      before?.session === message.session ? contentOf(before, options).slice(-MAX_CONTEXT) : undefined
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
    before = message
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

/** The text of a message as it is handed over. */
export function contentOf({ text, caption }: Message, { captions }: FeedOptions): string {
  return captions && caption ? `${text} [shares: ${caption}]` : text
}
