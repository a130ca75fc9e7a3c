import { id } from './_parameters.ts'

/** A memory as the LLM node takes it for its context: each has `content`. */
export type MemoryItem = { content: string } & Record<string, unknown>

/** `content` is what Dify needs; the same text under `memory` and empty fields are dropped. */
export function item({ memory, content, ...rest }: Record<string, unknown>): MemoryItem {
  const words = [content, memory].find((value) => typeof value === 'string')
  return { ...withoutNulls(rest), content: String(words ?? '') }
}

export function withoutNulls(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null))
}

/** The parameter that names one memory. */
export const MEMORY_ID = id('the id of a memory, such as List Memories gives').optional()

/** The path of one memory, or why the id is none. */
export function memoryPath(
  memoryId: string | undefined,
): { ok: true; path: string } | { ok: false; message: string } {
  // In a path these mean a folder, and DELETE on the folder above forgets all of a user.
  if (!memoryId || memoryId === '.' || memoryId === '..')
    return { ok: false, message: `memory_id: expected the id of a memory, came ${memoryId || 'nothing'}.` }
  return { ok: true, path: `/v1/memories/${encodeURIComponent(memoryId.toWellFormed())}` }
}
