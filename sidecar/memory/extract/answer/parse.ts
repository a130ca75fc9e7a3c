export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/**
 * Canonical text of a span → its value; `undefined` when it still is no JSON. A key that an object has twice comes
 * back as two keys (see `plainKey`): `JSON.parse` alone would drop the first with all that it holds.
 */
export function parseJson(canonical: string): Json | undefined {
  try {
    return JSON.parse(keepRepeatedKeys(canonical))
  } catch {
    return undefined
  }
}

/** The key as the model wrote it. */
export function plainKey(key: string): string {
  const mark = key.indexOf(MARK)
  return mark === -1 ? key : key.slice(0, mark)
}

/** A character that JSON text cannot hold unescaped, so no key of a model ends in it by chance. */
const MARK = '\u0000'

/** `text` must be JSON; anything else is left to `JSON.parse` to refuse. */
function keepRepeatedKeys(text: string): string {
  const seen: Map<string, number>[] = []
  let isRepeated = false
  const renamed = text.replace(TOKEN, (token, key: string | undefined) => {
    if (token === '{') seen.push(new Map())
    else if (token === '}') seen.pop()
    else if (key !== undefined) {
      const keys = seen.at(-1)
      const times = keys?.get(key) ?? 0
      keys?.set(key, times + 1)
      if (times > 0) {
        isRepeated = true
        return token.replace(key, () => `${key.slice(0, -1)}\\u0000${times}"`)
      }
    }
    return token
  })
  return isRepeated ? renamed : text
}

/** A key with its colon, another string, or a brace. */
const TOKEN = /("[^"\\]*(?:\\.[^"\\]*)*")\s*:|"[^"\\]*(?:\\.[^"\\]*)*"|[{}]/gsu
