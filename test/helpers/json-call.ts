export interface Answered {
  status: number
  headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: response body, which the test examines
  body: any
}

/** Sends JSON to a server; returns the parsed answer. */
export function jsonCall(url: string) {
  return async (
    method: string,
    path: string,
    body?: unknown,
    more: Record<string, string> = {},
  ): Promise<Answered> => {
    const init = body === undefined ? {} : { body: JSON.stringify(body) }
    const headers = { 'content-type': 'application/json', ...more }
    const response = await fetch(`${url}${path}`, { method, headers, ...init })
    return { status: response.status, headers: response.headers, body: await response.json() }
  }
}
