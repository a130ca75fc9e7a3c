import { createScanner } from '../../../helpers/plugin-sdk/fake-daemon/line-scanner.ts'
import type { Request } from '../../../helpers/plugin-sdk/fake-daemon/requests.ts'
import {
  createSessionRouter,
  isObject,
  parse,
  type SessionResult,
} from '../../../helpers/plugin-sdk/fake-daemon/session-router.ts'

/** Calls a serverless plugin like the daemon. Rejects if the daemon would fail the session. */
export async function invokeServerless(
  url: string,
  request: Request,
  options: { headers?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<SessionResult> {
  const { action } = request['data'] as { action: string }
  const response = await fetch(`${url}/invoke?action=${action}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'text/event-stream',
      'dify-plugin-session-id': request.session_id,
      ...options.headers,
    },
    body: JSON.stringify(request),
    ...(options.signal ? { signal: options.signal } : {}),
  })
  if (response.status < 200 || response.status > 299) {
    throw new Error(`status ${response.status}: ${await response.text()}`)
  }
  const router = createSessionRouter()
  const result = router.open(request.session_id, { tool: action === 'invoke_tool' })
  let sessionEvents = 0
  const scan = createScanner((line) => {
    const event = parse(line)
    if (!isObject(event)) throw new Error(`unparsable line: ${line.slice(0, 80)}`)
    if (event['event'] === 'error' || event['errorType']) throw new Error(`runtime error: ${line}`)
    if (event['event'] === 'session') sessionEvents += 1
    router.take(line)
  })
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    if (!scan(Buffer.from(chunk))) throw new Error('token too long')
  }
  if (sessionEvents === 0) throw new Error('PluginRuntimeError: no valid session response')
  // The end of the stream counts as an end too.
  router.take(
    JSON.stringify({ event: 'session', session_id: request.session_id, data: { type: 'end', data: {} } }),
  )
  const { chunks, error, frames } = await result
  return { chunks, error, frames: frames.slice(0, -1) }
}
