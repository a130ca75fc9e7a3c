import { NodeError } from './failure.ts'
import { id } from './parameters.ts'

/** A memory in the form that Dify's LLM node accepts as context: each item has `content`. */
export type MemoryItem = { content: string } & Record<string, unknown>

/** Moves the text to `content` and drops empty fields. */
export function toItem({ memory, content, ...rest }: Record<string, unknown>): MemoryItem {
  const text = [content, memory].find((value) => typeof value === 'string')
  return { ...withoutNulls(rest), content: String(text ?? '') }
}

export function withoutNulls(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null))
}

/** The parameter that names one memory. */
export const MEMORY_ID = id('the id of a memory, such as List Memories returns').optional()

/** The URL path of one memory. Throws `NodeError` for an id that would address another resource. */
export function memoryPath(memoryId: string | undefined): string {
  // "." and ".." are folders in a path: DELETE on the parent folder would delete all memories of the user.
  if (!memoryId || memoryId === '.' || memoryId === '..')
    throw new NodeError(`memory_id: expected the id of a memory, got ${memoryId || 'nothing'}.`)
  return `/v1/memories/${encodeURIComponent(memoryId.toWellFormed())}`
}
