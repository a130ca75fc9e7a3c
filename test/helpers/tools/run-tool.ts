import { createMemoryPair, type Frame, loadPlugin, Plugin, type ToolMessage } from '@dify/plugin-sdk-ts'
import { afterAll, beforeEach, expect } from 'vitest'
import { HippocacheProvider } from '../../../provider/hippocache.ts'
import { tools } from '../../../tools/index.ts'
import { createFakeDify, type FakeDify } from '../plugin-sdk/fake-daemon/fake-dify.ts'
import { json, type Script, type StubSidecar, startStub } from './stub-sidecar.ts'

const root = new URL('../../../', import.meta.url)
export const declaration = await loadPlugin(root)

export const KEY = 'sk-very-secret-0123456789'

export interface Invocation {
  tool?: string
  parameters?: Record<string, unknown>
  credentials?: Record<string, unknown>
  userId?: string | null
  conversationId?: string | null
  appId?: string | null
  /** Set in an agent app. */
  messageId?: string | null
  /** Answers calls to Dify; by default it permits none. */
  dify?: FakeDify
}

/** The result of one invocation, as Dify sees it. */
export interface Outcome {
  variables: Record<string, unknown>
  json: Record<string, unknown>[]
  text: string
  /** The session's error, or undefined. */
  error: { error_type: string; message: string } | undefined
  /** All frames as JSON. */
  wire: string
}

/** A stub sidecar for the whole test file; every test starts with `script` and without recorded calls. */
export async function useStub(script: Script = json(200, {})): Promise<StubSidecar> {
  const stub = await startStub()
  afterAll(() => stub[Symbol.asyncDispose]())
  beforeEach(() => {
    stub.calls.length = 0
    stub.script = script
  })
  return stub
}

/** Runs one node against a stub, and checks that it emits every declared output with its declared type. */
export async function runNode(
  stub: StubSidecar,
  tool: string,
  parameters: Record<string, unknown>,
  more: Invocation = {},
): Promise<Outcome> {
  const credentials = { sidecar_url: stub.url, ...more.credentials }
  const outcome = await runTool({ ...more, tool, parameters, credentials })
  expect(outcome.error).toBeUndefined()
  expect(mismatches(tool, outcome.variables)).toEqual([])
  return outcome
}

/** Runs one tool through the SDK over a linked pair of transports. */
export function runTool(invocation: Invocation): Promise<Outcome> {
  const { tool, parameters = {}, credentials = {} } = invocation
  return request(invocation, {
    type: 'tool',
    action: 'invoke_tool',
    provider: 'hippocache',
    tool,
    credentials,
    credential_type: 'api-key',
    tool_parameters: parameters,
  })
}

/** Runs the provider's credential check the same way. */
export function validate(credentials: Record<string, unknown>): Promise<Outcome> {
  return request(
    {},
    { type: 'tool', action: 'validate_tool_credentials', provider: 'hippocache', credentials },
  )
}

async function request(from: Invocation, data: object): Promise<Outcome> {
  const { dify = withoutPermissions() } = from
  const { transport, daemon } = createMemoryPair({ answerInvocation: dify.answer })
  const plugin = new Plugin({ declaration, provider: HippocacheProvider, tools, report: () => {} })
  const served = plugin.serve(transport)
  await Promise.resolve()
  daemon.send({
    session_id: 's-1',
    conversation_id: from.conversationId ?? null,
    message_id: from.messageId ?? null,
    app_id: from.appId ?? null,
    endpoint_id: null,
    context: null,
    event: 'request',
    data: { user_id: from.userId === undefined ? 'end-user-uuid' : from.userId, ...data },
  })
  const frames = await daemon.session('s-1')
  daemon.end()
  await served
  return collect(frames)
}

function withoutPermissions(): FakeDify {
  const permissions = { llm: false, text_embedding: false, storage: false }
  return Object.assign(createFakeDify(), { permissions })
}

function collect(frames: Frame[]): Outcome {
  const outcome: Outcome = {
    variables: {},
    json: [],
    text: '',
    error: undefined,
    wire: JSON.stringify(frames),
  }
  for (const frame of frames) {
    if (frame.event !== 'session') continue
    if (frame.data.type === 'error') outcome.error = frame.data.data
    if (frame.data.type !== 'stream' || !('type' in frame.data.data)) continue
    const { type, message } = frame.data.data as ToolMessage
    if (type === 'variable') {
      const { variable_name: name, variable_value: value, stream } = message
      outcome.variables[name] = stream ? `${outcome.variables[name] ?? ''}${value}` : value
    }
    if (type === 'json') outcome.json.push(message.json_object as Record<string, unknown>)
    if (type === 'text') outcome.text += message.text
  }
  return outcome
}

/** The declared output properties of a tool: `{ status: { type: 'string' }, … }`. */
export function outputSchema(tool: string): Record<string, { type: string; items?: { type: string } }> {
  const found = declaration.provider.tools.find(({ identity }) => identity.name === tool)
  return found?.output_schema?.properties as Record<string, { type: string }>
}

/** The variables that are missing, undeclared, or not of the declared type. */
export function mismatches(tool: string, variables: Record<string, unknown>): string[] {
  const schema = outputSchema(tool)
  const names = new Set([...Object.keys(schema), ...Object.keys(variables)])
  return [...names].flatMap((name) => {
    const declared = schema[name]
    if (!declared) return [`${name} is not declared`]
    if (!(name in variables)) return [`${name} was not emitted`]
    return fits(declared, variables[name]) ? [] : [`${name}: expected ${declared.type}`]
  })
}

function fits({ type, items }: { type: string; items?: { type: string } }, value: unknown): boolean {
  if (type === 'array') return Array.isArray(value) && value.every((item) => !items || fits(items, item))
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value)
  return typeof value === type && !Number.isNaN(value)
}
