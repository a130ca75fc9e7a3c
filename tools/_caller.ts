import type { ToolContext } from '@dify/plugin-sdk-ts'
import { isUnresolved } from './_parameters.ts'
import type { Credentials } from './_sidecar.ts'

/** On whose behalf a node runs, as Dify says. */
export interface Caller {
  credentials: Credentials
  /** Dify's own id of the end user: not the same as `sys.user_id`. */
  userId: string | undefined
  conversationId: string | undefined
  appId: string | undefined
}

export function callerOf({ runtime, session }: ToolContext): Caller {
  return {
    credentials: runtime.credentials,
    userId: runtime.user_id || undefined,
    conversationId: session.conversation_id || undefined,
    appId: session.app_id || undefined,
  }
}

export type Identity = { ok: true; userId: string } | { ok: false; message: string }

/** With `identity: runtime` a model could otherwise read and write anybody's memory by naming them. */
export function isRuntimeIdentity(caller: Caller): boolean {
  return caller.credentials['identity'] === 'runtime'
}

/** Whose memory a call is about: the parameter, or, with `identity: runtime`, the user Dify runs the tool for. */
export function identify(caller: Caller, parameter: string | undefined): Identity {
  const userId = isRuntimeIdentity(caller) ? caller.userId : parameter
  if (userId) return { ok: true, userId }
  return {
    ok: false,
    message: isRuntimeIdentity(caller)
      ? 'The plugin is set to "Current user", but Dify gave no user for this run.'
      : 'user_id: expected the id of a user, came nothing. Bind it to sys.user_id.',
  }
}

/**
 * Why memories cannot be changed or deleted, if so: with `identity: runtime` a model decides what is called, and Dify
 * cannot keep a single node from it.
 */
export function refuseChange(caller: Caller): string | undefined {
  return isRuntimeIdentity(caller)
    ? 'Refused: the provider setting "Whose memory" is "Current user", and then no node changes or deletes memories, because a model may be what asks for it. A workflow that is meant to needs an authorization with "User ID parameter".'
    : undefined
}

/**
 * The conversation, and the turn in it. A turn number means nothing without its conversation and is dropped then.
 * With `identity: runtime` the conversation Dify names goes before the one a model may have made up.
 */
export function locate(
  caller: Caller,
  parameters: { conversation_id?: string | undefined; turn?: number | undefined },
): { conversation_id: string | undefined; turn: number | undefined } {
  const given = isUnresolved(parameters.conversation_id) ? undefined : parameters.conversation_id
  const own = caller.conversationId
  const conversation_id = isRuntimeIdentity(caller) ? (own ?? given) : (given ?? own)
  return { conversation_id, turn: conversation_id === undefined ? undefined : parameters.turn }
}
