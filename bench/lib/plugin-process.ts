import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** The result of one tool invocation. */
export interface Invocation {
  /** Output variables by name. */
  variables: Record<string, unknown>
  /** The text output. */
  text: string
  /** Milliseconds from the request line to the `end` line. */
  tookMs: number
}

export interface PluginProcess extends AsyncDisposable {
  /** Invokes a tool as Dify's daemon does for a workflow node. Rejects with the plugin's error frame. */
  invoke(tool: string, parameters: Record<string, unknown>): Promise<Invocation>
}

interface Frame {
  event: string
  session_id: string | null
  data: { type: string; data: Record<string, unknown> }
}

const MAIN = fileURLToPath(new URL('../../main.ts', import.meta.url))

const { PATH = '', NODE_COMPILE_CACHE = '' } = process.env
const PASSED = { PATH, NODE_COMPILE_CACHE }

/** Deadline of one invocation, milliseconds. */
const INVOKE_DEADLINE_MS = 30_000

/**
 * Starts the plugin as a child process and speaks the daemon's stdio protocol: one request per input line, one frame
 * per output line, any number of concurrent sessions.
 *
 * @param credentials the values of the provider's credential form
 */
export async function startPlugin(credentials: Record<string, string>): Promise<PluginProcess> {
  const child = spawn(process.execPath, [MAIN], {
    env: { ...PASSED, INSTALL_METHOD: 'local' },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const sessions = new Map<string, (frame: Frame) => void>()
  const alive = Promise.withResolvers<void>()
  createInterface({ input: child.stdout }).on('line', (line) => {
    const frame = JSON.parse(line) as Frame
    if (frame.event === 'heartbeat') alive.resolve()
    if (frame.event === 'session' && frame.session_id) sessions.get(frame.session_id)?.(frame)
  })
  child.once('exit', (code) => alive.reject(new Error(`the plugin exited with code ${code}`)))
  await alive.promise

  return {
    async invoke(tool, tool_parameters) {
      const session_id = randomUUID()
      const { promise, resolve, reject } = Promise.withResolvers<Invocation>()
      const invocation: Invocation = { variables: {}, text: '', tookMs: 0 }
      const started = performance.now()
      sessions.set(session_id, ({ data: { type, data } }) => {
        if (type === 'end') resolve({ ...invocation, tookMs: performance.now() - started })
        else if (type === 'error') reject(new Error(`${tool}: ${data['error_type']}: ${data['message']}`))
        else collect(invocation, data)
      })
      const timer = setTimeout(
        () => reject(new Error(`${tool}: no answer in ${INVOKE_DEADLINE_MS} ms`)),
        INVOKE_DEADLINE_MS,
      )
      const request = {
        session_id,
        conversation_id: null,
        message_id: null,
        app_id: null,
        endpoint_id: null,
        context: null,
        event: 'request',
        data: {
          user_id: randomUUID(),
          type: 'tool',
          action: 'invoke_tool',
          provider: 'hippocache',
          tool,
          credentials,
          credential_type: 'api-key',
          tool_parameters,
        },
      }
      try {
        child.stdin.write(`${JSON.stringify(request)}\n`)
        return await promise
      } finally {
        clearTimeout(timer)
        sessions.delete(session_id)
      }
    },
    async [Symbol.asyncDispose]() {
      alive.promise.catch(() => {})
      const gone = new Promise((resolve) => child.once('exit', resolve))
      child.stdin.end()
      await gone
    },
  }
}

function collect(invocation: Invocation, { type, message }: Record<string, unknown>): void {
  const body = message as Record<string, unknown>
  if (type === 'variable') invocation.variables[body['variable_name'] as string] = body['variable_value']
  if (type === 'text') invocation.text += body['text']
}
