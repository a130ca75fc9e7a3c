import { member } from './json.ts'

/** Longest text of an endpoint that is shown, in UTF-16 code units. */
const MAX_WORDS = 300
/** Shortest part of the request that is recognised in the text of an endpoint, in UTF-16 code units. */
const MIN_QUOTE = 12

/** What must not be repeated from the text of an endpoint. */
export interface Secrets {
  apiKey: string | undefined
  /** Request body, whose messages and inputs endpoints quote in their errors. */
  body: object
}

/** What the endpoint says about a request that it rejected: one line, without keys and without texts of the request. */
export function wordsOf(error: unknown, secrets: Secrets): string {
  const said = messageIn(error, 0)
  if (said === undefined || /^\s*</.test(said)) return ''
  const line = said
    .slice(0, 4 * MAX_WORDS)
    .toWellFormed()
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim()
  const shown = withoutQuotes(withoutKeys(line, secrets.apiKey), textsIn(secrets.body))
  return shown.length <= MAX_WORDS ? shown : `${shown.slice(0, MAX_WORDS - 1).toWellFormed()}…`
}

/** OpenAI, TEI (`error` is a text), FastAPI (`detail`, also a list), DashScope and vLLM (`message`). */
function messageIn(value: unknown, depth: number): string | undefined {
  if (typeof value === 'string') return value.trim() === '' ? undefined : value
  if (depth > 4 || value === null || typeof value !== 'object') return undefined
  if (Array.isArray(value)) return messageIn(value[0], depth + 1)
  for (const name of ['message', 'error', 'detail', 'msg', 'error_msg', 'metadata', 'raw']) {
    const found = messageIn(member(value, name), depth + 1)
    if (found !== undefined) return found
  }
  return undefined
}

function withoutKeys(text: string, apiKey: string | undefined): string {
  const unkeyed = apiKey === undefined ? text : text.replaceAll(apiKey, '…')
  return (
    unkeyed
      .replace(/\/\/[^\s/@]+@/g, '//…@')
      .replace(/\b(?:bearer|basic)\s+[\w+/=.-]{6,}/gi, '…')
      .replace(/\b(?:sk|pk|rk|gsk|hf|pa|jina|AIza)[-_]?[\w*.-]*[\d*][\w*.-]*|\b(?:sk|pk)-[\w*.-]{3,}/g, '…')
      // Tokens, hashes and base64: long runs that mix letters and digits. Names of models have separators.
      .replace(/[A-Za-z0-9+/=]{24,}/g, (run) => (/\d/.test(run) && /[A-Za-z]/.test(run) ? '…' : run))
  )
}

/** Replaces what is quoted from the request: quoted words of it, and any run of `MIN_QUOTE` characters. */
function withoutQuotes(text: string, sent: string): string {
  const unquoted = text.replace(/(["'“‘`«「])([^"'”’`»」]{3,})(?=["'”’`»」])/gu, (whole, mark, inner) =>
    sent.includes(inner) ? `${mark}…` : whole,
  )
  let shown = ''
  for (let at = 0; at < unquoted.length; ) {
    let end = at + MIN_QUOTE
    if (end > unquoted.length || !sent.includes(unquoted.slice(at, end))) {
      shown += unquoted[at++]
      continue
    }
    while (end < unquoted.length && sent.includes(unquoted.slice(at, end + 1))) end++
    shown += '…'
    at = end
  }
  return shown
}

function textsIn(body: object): string {
  const messages = member(body, 'messages')
  const contents = Array.isArray(messages) ? messages.map((one) => member(one, 'content')) : []
  // White space is compared as it is in the shown line.
  return [...contents, member(body, 'input')]
    .flat()
    .join('\n')
    .replace(/[\p{Cc}\s]+/gu, ' ')
}
