import { Tool, type ToolContext, type ToolMessage } from '@dify/plugin-sdk-ts'
import { type Caller, callerOf, isRuntimeIdentity } from './_caller.ts'

/** What a node says: every output variable it declares, one object, and one line to read. */
export interface Report<Outputs extends object> {
  /** One variable each. A reference to a variable that was not sent is printed literally, so none may be missing. */
  outputs: Outputs
  /** Element 0 of the node's `json`; with `text` it is what an agent's model reads. */
  json: object
  text: string
}

/** A tool class around a function from parameters to a report, which also says what is wrong with the parameters. */
export function reporting(
  work: (parameters: Record<string, unknown>, caller: Caller) => Promise<Report<object>>,
) {
  return class extends Tool {
    // A missing user_id is none with `identity: runtime`, and else a status like every other failure.
    static override readonly lenientParameters = true

    override async *invoke(
      parameters: Record<string, unknown>,
      context: ToolContext,
    ): AsyncGenerator<ToolMessage> {
      const caller = callerOf(context)
      const { user_id: _, ...others } = parameters
      // What counts for nothing cannot be wrong either.
      const heard = isRuntimeIdentity(caller) ? others : parameters
      const { outputs, json, text } = await work(heard, caller)
      for (const [name, value] of Object.entries(outputs)) yield this.createVariableMessage(name, value)
      yield this.createJsonMessage(json)
      yield this.createTextMessage(text)
    }
  }
}

/** Reads an answer's number where it is one. */
export const numberOr = <T>(value: unknown, otherwise: T) =>
  typeof value === 'number' && Number.isFinite(value) ? value : otherwise

/** What to say when a 2xx answer does not have the form this version of the plugin knows. */
export const unreadable = (field: string) =>
  `The sidecar's answer could not be read (${field}). Plugin and sidecar may have different versions: update the older one.`
