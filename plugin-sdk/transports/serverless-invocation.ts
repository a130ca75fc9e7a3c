import { createLineReader } from '../line-reader.ts'
import { encodeFrame, type InvokeFrame } from '../protocol.ts'

/** The daemon ends an answer after 300 s. */
const TIMEOUT_MS = 300_000

/**
 * Calls Dify through the HTTP endpoint of the daemon. `onLine` gets the lines of the answer, as other transports receive
 * them; a failure becomes an error answer. Never rejects.
 *
 * @param daemonUrl the address of the daemon, from `DIFY_PLUGIN_DAEMON_URL`
 */
export async function postInvocation(
  daemonUrl: string | undefined,
  frame: InvokeFrame,
  signal: AbortSignal,
  onLine: (line: string) => void,
): Promise<void> {
  const { session_id } = frame
  const { backwards_request_id } = frame.data.data
  const answer = (event: string, message: string) =>
    onLine(
      JSON.stringify({
        ...{ session_id, event: 'backwards_response' },
        data: { backwards_request_id, event, message, data: null },
      }),
    )
  const fail = (reason: string) => {
    answer('error', `Dify cannot be called: ${reason}`)
    answer('end', '')
  }
  if (!daemonUrl) return fail('DIFY_PLUGIN_DAEMON_URL is not set')
  try {
    const url = `${daemonUrl.replace(/\/+$/, '')}/backwards-invocation/transaction`
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'dify-plugin-session-id': session_id },
      body: encodeFrame(frame),
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    })
    if (!response.ok || !response.body) return fail(await refusalOf(response))
    let problem: string | undefined
    const reader = createLineReader({
      onLine,
      onOversize: ({ bytes }) => {
        problem = `an answer of ${bytes} bytes is too long`
      },
    })
    for await (const chunk of response.body) reader.push(chunk)
    reader.end()
    // Harmless after the end that the daemon sends.
    fail(problem ?? 'the daemon closed the connection')
  } catch (error) {
    fail(error instanceof Error ? error.message : 'unknown reason')
  }
}

/** The message of an unknown session is in a bare answer without its envelope. */
async function refusalOf(response: Response): Promise<string> {
  const text = await response.text()
  try {
    const { message } = JSON.parse(text) as { message?: unknown }
    if (typeof message === 'string') return `HTTP ${response.status}: ${message}`
  } catch {}
  return `HTTP ${response.status}`
}
