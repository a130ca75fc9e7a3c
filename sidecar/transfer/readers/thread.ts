/** The parent that Dify gives to messages of its service API: whichever message came before. */
const NIL = '00000000-0000-0000-0000-000000000000'

/**
 * The messages of a conversation that count, oldest first. When an answer is regenerated, Dify keeps both messages
 * under one parent; what counts is the newest message and, from there, each one's parent. A message without a parent
 * begins the conversation, also when it was regenerated. `messages` are oldest first.
 */
export function threadOf<T extends { id: string; parent: string | null }>(messages: readonly T[]): T[] {
  // Older versions of Dify tell of no parents at all.
  if (messages.every(({ parent }) => parent === null)) return [...messages]
  const known = new Set(messages.map(({ id }) => id))
  const thread: T[] = []
  let wanted: string = NIL
  for (const message of messages.toReversed()) {
    if (wanted !== NIL && message.id !== wanted) continue
    thread.push(message)
    if (message.parent === null) break
    // A parent that is not in the file says no more than that there was one.
    wanted = known.has(message.parent) ? message.parent : NIL
  }
  return thread.reverse()
}
