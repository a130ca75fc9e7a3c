import { describe, InvalidMessageError } from './errors.ts'
import type { ToolMessage, ToolMessageType } from './message-types.ts'

/** Output variables every tool node has by itself; a variable message of that name fails the invocation. */
export const RESERVED_VARIABLES: readonly string[] = ['json', 'text', 'files']

const TYPES: readonly string[] = [
  'text',
  'json',
  'link',
  'image',
  'blob_chunk',
  'variable',
  'log',
  'retriever_resources',
] satisfies ToolMessageType[]

/**
 * Checks a message a tool yielded, made by hand or not: the daemon ends a session at an unknown type, and Dify
 * fails a node at a reserved name. Throws `InvalidMessageError`.
 */
export function assertToolMessage(value: unknown): asserts value is ToolMessage {
  if (typeof value !== 'object' || value === null || !('type' in value) || !('message' in value)) {
    throw wrong('tool output', 'a message made by one of the create… helpers', value)
  }
  if (typeof value.type !== 'string' || !TYPES.includes(value.type)) {
    throw wrong('tool message type', `one of ${TYPES.join(', ')}`, value.type)
  }
  if (typeof value.message !== 'object' || value.message === null || Array.isArray(value.message)) {
    throw wrong(`${value.type} message`, 'an object', value.message)
  }
  if (value.type === 'variable') {
    const { variable_name } = value.message as { variable_name?: unknown }
    checkVariableName(variable_name)
  }
}

/** Throws `InvalidMessageError` for an empty or reserved name. */
export function checkVariableName(name: unknown): void {
  if (typeof name !== 'string' || name === '') throw wrong('variable name', 'a non-empty string', name)
  if (RESERVED_VARIABLES.includes(name)) {
    throw new InvalidMessageError(
      `variable name: ${JSON.stringify(name)} is reserved by Dify (reserved: ${RESERVED_VARIABLES.join(', ')})`,
    )
  }
}

/** An error that says what was expected and what came. */
export function wrong(what: string, expected: string, got: unknown): InvalidMessageError {
  return new InvalidMessageError(`${what}: expected ${expected}, got ${describe(got)}`)
}
