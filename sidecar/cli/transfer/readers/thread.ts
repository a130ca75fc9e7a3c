/** `parent_message_id` of messages from Dify's service API: the parent is the preceding message. */
const NIL = '00000000-0000-0000-0000-000000000000'

/**
 * The current thread of a conversation, oldest first. When an answer is regenerated, Dify keeps both messages under one
 * parent; the thread consists of the newest message and its ancestors. `messages` are oldest first.
 */
export function threadOf<T extends { id: string; parent: string | null }>(messages: readonly T[]): T[] {
  // Older versions of Dify export no parents.
  if (messages.every(({ parent }) => parent === null)) return [...messages]
  const known = new Set(messages.map(({ id }) => id))
  const thread: T[] = []
  let wanted: string = NIL
  for (const message of messages.toReversed()) {
    if (wanted !== NIL && message.id !== wanted) continue
    thread.push(message)
    if (message.parent === null) break
    // If the file lacks the parent, the preceding message is taken for it.
    wanted = known.has(message.parent) ? message.parent : NIL
  }
  return thread.reverse()
}
