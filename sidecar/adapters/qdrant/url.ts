/**
 * Validates the address of a Qdrant REST interface.
 * @throws {Error} with the expected form; the message omits the value, which may contain a password
 */
export function parseQdrantUrl(text: string): string {
  const expected = 'expected http://host[:port][/path] or https://…, default port 6333'
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^https?:$/.test(url.protocol) || !/^https?:\/\//.test(text)) throw new Error(expected)
  if (url.username || url.password) throw new Error(`${expected}; set the API key as QDRANT_API_KEY`)
  if (url.search || url.hash) throw new Error(`${expected}, without query and fragment`)
  return text
}

/** Whether requests to this address cross a network unencrypted. */
export function isUnencrypted(url: string): boolean {
  const { protocol, hostname } = new URL(url)
  return protocol === 'http:' && !['127.0.0.1', '[::1]', 'localhost'].includes(hostname)
}
