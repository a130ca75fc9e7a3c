import type { ToolContext } from '@dify/plugin-sdk-ts'
import { NodeError } from './failure.ts'
import { isUnresolved } from './parameters.ts'
import type { Credentials } from './sidecar.ts'

/** The user and conversation that Dify runs a node for. */
export interface Caller {
  credentials: Credentials
  /** Provider setting `identity: runtime`: the user and conversation of the run replace those in the parameters. */
  isRuntimeIdentity: boolean
  /** Dify's internal id of the end user; it differs from `sys.user_id`. */
  userId: string | undefined
  conversationId: string | undefined
  appId: string | undefined
  /** Whether a model called the tool in an agent app: only there, Dify passes the id of the message. */
  isAgentApp: boolean
}

export function readCaller({ runtime, session }: ToolContext): Caller {
  return {
    credentials: runtime.credentials,
    isRuntimeIdentity: runtime.credentials['identity'] === 'runtime',
    userId: runtime.user_id || undefined,
    conversationId: session.conversation_id || undefined,
    appId: session.app_id || undefined,
    isAgentApp: Boolean(session.message_id),
  }
}

/** The user whose memory the call reads or writes. Throws `NodeError` when there is none. */
export function resolveUser(caller: Caller, parameter: unknown): string {
  const userId = caller.isRuntimeIdentity ? caller.userId : parameter
  if (typeof userId === 'string' && userId !== '') return userId
  throw new NodeError(
    caller.isRuntimeIdentity
      ? 'The provider setting "Whose memory" is "Current user", but Dify named no user for this run.'
      : 'user_id: expected the id of a user, got nothing. Bind it to sys.user_id.',
  )
}

/**
 * The conversation and the turn in it. The turn is dropped without a conversation, because turn numbers are counted
 * per conversation. Under `identity: runtime` a model must not name a conversation or overwrite a turn: the conversation
 * is that of the run, and only a workflow node has a turn.
 */
export function resolveTurn(
  caller: Caller,
  parameters: { conversation_id?: string | undefined; turn?: number | undefined },
): { conversation_id: string | undefined; turn: number | undefined } {
  const given = isUnresolved(parameters.conversation_id) ? undefined : parameters.conversation_id
  const own = caller.conversationId
  const conversation_id = caller.isRuntimeIdentity ? own : (given ?? own)
  const hasTurn = conversation_id !== undefined && !(caller.isRuntimeIdentity && caller.isAgentApp)
  return { conversation_id, turn: hasTurn ? parameters.turn : undefined }
}
