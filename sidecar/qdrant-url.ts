/**
 * The address of a Qdrant's REST interface, as it may be configured.
 * @throws {Error} with what was expected; it names no part of the value, which may hold a password
 */
export function parseQdrantUrl(text: string): string {
  const expected = 'expected http://host[:port][/path] or https://…, without a port: 6333'
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^https?:$/.test(url.protocol) || !/^https?:\/\//.test(text)) throw new Error(expected)
  if (url.username || url.password) throw new Error(`${expected}; the key goes into QDRANT_API_KEY`)
  if (url.search || url.hash) throw new Error(`${expected}; and nothing after the path`)
  return text
}

/** Whether what is sent there can be read on the way. */
export function isOpenlySent(url: string): boolean {
  const { protocol, hostname } = new URL(url)
  return protocol === 'http:' && !['127.0.0.1', '[::1]', 'localhost'].includes(hostname)
}
