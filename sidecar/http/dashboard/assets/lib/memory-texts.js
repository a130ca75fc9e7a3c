import { get } from './api.js'

/** Reads texts of memories, each once. @param {string} user @returns {(ids: string[]) => Promise<any[]>} */
export function memoryTexts(user) {
  /** @type {Map<string, Promise<string | undefined>>} */
  const known = new Map()
  const read = async (/** @type {string} */ id) => {
    try {
      return (await get(`/v1/memories/${encodeURIComponent(id)}`, { user_id: user })).memory
    } catch (/** @type {any} */ error) {
      if (error.status === 404) return undefined
      throw error
    }
  }
  return async (ids) => {
    for (const id of ids) if (!known.has(id)) known.set(id, read(id))
    return await Promise.all(ids.map((id) => known.get(id)))
  }
}
