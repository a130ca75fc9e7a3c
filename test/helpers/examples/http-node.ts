export interface HttpCall {
  method: string
  url: string
  /** Lines of `name:value`. */
  headers: string
  params: string
  body: string | undefined
}

/** The outputs of an HTTP Request node; undefined when the node fails, which an error status does too. */
export async function sendRequest({ method, url, headers, params, body }: HttpCall) {
  const address = new URL(url)
  for (const [name, value] of pairs(params)) address.searchParams.set(name, value)
  try {
    const response = await fetch(address, {
      method,
      headers: pairs(headers),
      // Dify repairs a body that is no JSON; ours must be.
      ...(body !== undefined && { body: JSON.stringify(JSON.parse(body)) }),
    })
    if (!response.ok) return undefined
    return {
      status_code: response.status,
      body: await response.text(),
      headers: Object.fromEntries(response.headers),
    }
  } catch (error) {
    if (error instanceof SyntaxError) throw error
    return undefined
  }
}

function pairs(lines: string): [string, string][] {
  return lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()])
}
