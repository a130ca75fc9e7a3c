import { Tool, type ToolClass, type ToolContext, type ToolMessage } from '@dify/plugin-sdk-ts'
import type { z } from 'zod'
import { type Caller, readCaller, resolveUser } from './caller.ts'
import { NodeError } from './failure.ts'
import { readParameters } from './parameters.ts'
import { callSidecar, type SidecarRequest } from './sidecar.ts'

interface BaseOutputs {
  status: string
  error: string
}

/** The parameters as `run` gets them: `user_id`, if the node declares it, is resolved and never missing. */
type Values<Shape extends z.ZodRawShape> = Omit<z.output<z.ZodObject<Shape>>, 'user_id'> &
  ('user_id' extends keyof Shape ? { user_id: string } : unknown)

export interface NodeDefinition<Shape extends z.ZodRawShape, Outputs extends BaseOutputs> {
  /** `identity.name` in tools/<name>.yaml, which holds the labels and descriptions. */
  name: string
  /** The declared parameters, with the same defaults and options as in the YAML. */
  parameters: Shape
  /**
   * Every declared output with its neutral value, except `user_id`, which each node with a user gets. All of them are
   * emitted on every call, because Dify prints a reference to a missing variable literally.
   */
  outputs: Outputs
  /** Outputs that the JSON object repeats for agents. Default: all. Leave out text that an agent would pay for twice. */
  jsonOutputs?: readonly (keyof Outputs)[]
  /** Changes or deletes memories. Refused under `identity: runtime`, because a model may be the caller. */
  isDestructive?: boolean
  /** First sentence of the text message on failure. */
  failureText: string
  run(values: Values<Shape>, call: NodeCall): Promise<NodeResult<Outputs>>
}

/** What `run` works with beside its parameters. */
interface NodeCall {
  caller: Caller
  dify: Pick<ToolContext, 'models' | 'storage' | 'signal'>
  /** Calls the sidecar and validates its answer. Throws `NodeError`. */
  ask<S extends z.ZodType>(schema: S, request: SidecarRequest): Promise<z.output<S>>
  /** Validates an answer of the sidecar. Throws `NodeError`. */
  parse<S extends z.ZodType>(schema: S, body: unknown): z.output<S>
}

interface NodeResult<Outputs extends BaseOutputs> {
  /** Merged over the neutral values. */
  outputs: Partial<Outputs> & Pick<Outputs, 'status'>
  /** Further fields of the JSON object; they win over outputs of the same name. */
  details?: Record<string, unknown>
  /** One line for people. */
  text: string
  /** Outputs that an agent's model needs besides `text`. Default: the outputs of the JSON object that are not empty. */
  agentText?: string
}

/** A node as the plugin serves it. */
export interface HippocacheNode {
  name: string
  parameters: z.ZodRawShape
  outputs: BaseOutputs
  isDestructive: boolean
  tool: ToolClass
}

/** Turns a definition into a tool that reports every failure as `status: error` instead of failing the workflow. */
export function defineNode<Shape extends z.ZodRawShape, Outputs extends BaseOutputs>(
  definition: NodeDefinition<Shape, Outputs>,
): HippocacheNode {
  const { name, parameters, isDestructive = false } = definition
  const outputs = { ...definition.outputs, ...('user_id' in parameters && { user_id: '' }) }
  const tool = class extends Tool {
    // Under `identity: runtime` a missing user_id is valid; otherwise it becomes `status: error`.
    static override readonly lenientParameters = true

    override async *invoke(
      given: Record<string, unknown>,
      context: ToolContext,
    ): AsyncGenerator<ToolMessage> {
      const caller = readCaller(context)
      const answer = await runNode(definition, given, caller, context)
      // Dify gives the model every message as text, so that outputs, JSON and text would repeat each other.
      if (caller.isAgentApp) {
        yield this.createTextMessage(answer.agentText)
        return
      }
      for (const [output, value] of Object.entries(answer.outputs)) {
        // Dify's Answer node prints a text variable that was not streamed as blank.
        yield typeof value === 'string'
          ? this.createStreamVariableMessage(output, value)
          : this.createVariableMessage(output, value)
      }
      yield this.createJsonMessage(answer.json)
      yield this.createTextMessage(answer.text)
    }
  }
  return { name, parameters, outputs, isDestructive, tool }
}

async function runNode<Shape extends z.ZodRawShape, Outputs extends BaseOutputs>(
  definition: NodeDefinition<Shape, Outputs>,
  given: Record<string, unknown>,
  caller: Caller,
  dify: NodeCall['dify'],
): Promise<{ outputs: Outputs; json: object; text: string; agentText: string }> {
  const jsonOutputs = definition.jsonOutputs ?? (Object.keys(definition.outputs) as (keyof Outputs)[])
  // Whose memory the call uses: with several authorizations, the one that a node uses is easily overlooked.
  const whose: { user_id?: string; namespace?: string } =
    'user_id' in definition.parameters ? { user_id: '' } : {}
  let roundTripMs: number | undefined
  const call: NodeCall = {
    caller,
    dify,
    parse: parseAnswer,
    async ask(schema, request) {
      const answer = await callSidecar(caller.credentials, request)
      roundTripMs = answer.roundTripMs
      if (answer.namespace !== undefined) whose.namespace = answer.namespace
      return parseAnswer(schema, answer.body)
    },
  }
  try {
    if (definition.isDestructive && caller.isRuntimeIdentity) throw new NodeError(DESTRUCTIVE_REFUSAL)
    const values = readValues(definition.parameters, given, caller)
    if ('user_id' in values) whose.user_id = values.user_id as string
    const result = await definition.run(values, call)
    const outputs = { ...definition.outputs, ...result.outputs, ...pick(whose, USER) }
    const { took_ms, ...details } = result.details ?? {}
    const times = typeof took_ms === 'object' ? took_ms : {}
    const json = {
      ...pick(outputs, jsonOutputs),
      ...details,
      ...whose,
      ...((took_ms !== undefined || roundTripMs !== undefined) && {
        took_ms: { ...times, ...(roundTripMs !== undefined && { round_trip: roundTripMs }) },
      }),
    }
    return { outputs, json, text: result.text, agentText: toAgentText(result, pick(outputs, jsonOutputs)) }
  } catch (error) {
    if (!(error instanceof NodeError)) throw error
    const outputs = { ...definition.outputs, status: 'error', error: error.message, ...pick(whose, USER) }
    const text = `${definition.failureText} ${error.message}`
    return { outputs, json: { ...pick(outputs, jsonOutputs), ...whose }, text, agentText: text }
  }
}

function toAgentText({ text, agentText }: { text: string; agentText?: string }, outputs: object): string {
  const { status, error, ...data } = outputs as Record<string, unknown>
  const present = Object.entries(data).filter(([, value]) => !isEmpty(value))
  const rest = agentText ?? (present.length > 0 ? JSON.stringify(Object.fromEntries(present)) : '')
  return rest === '' ? text : `${text}\n${rest}`
}

/** Neutral outputs are left out, because a model learns nothing from them. */
function isEmpty(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0
  return value === '' || value === -1
}

const USER = ['user_id'] as const

const DESTRUCTIVE_REFUSAL =
  'Refused: the provider setting "Whose memory" is "Current user", which blocks nodes that change or delete memories, because a model may be the caller. To change memories in a workflow, use an authorization set to "User ID parameter".'

function readValues<Shape extends z.ZodRawShape>(
  shape: Shape,
  given: Record<string, unknown>,
  caller: Caller,
): Values<Shape> {
  const { user_id, ...others } = given
  const values = readParameters(shape, caller.isRuntimeIdentity ? others : given) as Values<Shape>
  if (!('user_id' in shape)) return values
  return { ...values, user_id: resolveUser(caller, (values as { user_id?: unknown }).user_id) }
}

function parseAnswer<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  const parsed = schema.safeParse(body)
  if (parsed.success) return parsed.data
  const field = String(parsed.error.issues[0]?.path[0])
  throw new NodeError(
    `The sidecar's answer could not be read (${field}). If plugin and sidecar have different versions, update the older one.`,
  )
}

function pick<T extends object>(from: T, keys: readonly (keyof T)[]): Partial<T> {
  return Object.fromEntries(keys.flatMap((key) => (key in from ? [[key, from[key]]] : []))) as Partial<T>
}
