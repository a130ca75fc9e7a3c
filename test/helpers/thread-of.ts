import { threadId } from 'node:worker_threads'

/** The id of the thread that this function runs in. */
export function threadOf(_text: string): number {
  return threadId
}

export const url = import.meta.url
