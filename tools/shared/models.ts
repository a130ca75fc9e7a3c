import type { LlmResult, ModelSelection, ToolContext } from '@dify/plugin-sdk-ts'
import { z } from 'zod'
import type { Caller } from './caller.ts'
import { NodeError } from './failure.ts'
import { callSidecar } from './sidecar.ts'

/** The value of a `model-selector` parameter. Some versions of Dify name the model `name`. */
export const modelSelection = () =>
  z
    .preprocess(
      (value) => (typeof value === 'string' ? parseJson(value) : value),
      z.looseObject(
        {
          provider: z.string(),
          model: z.string().optional(),
          name: z.string().optional(),
          mode: z.string().nullish(),
          completion_params: z.record(z.string(), z.unknown()).nullish(),
        },
        { error: 'a model' },
      ),
    )
    .transform(({ provider, model, name, mode, completion_params }, context): ModelSelection | undefined => {
      const chosen = model || name
      // A selection that was cleared.
      if (!provider && !chosen) return undefined
      if (provider && chosen)
        return {
          ...{ provider, model: chosen, mode: mode ?? undefined },
          completion_params: completion_params ?? {},
        }
      context.addIssue({ code: 'custom', message: 'a model' })
      return z.NEVER
    })

/** No request is taken after this time; one that was taken is still answered. */
const SERVE_MS = 30_000
const MAX_REQUESTS = 12
/** Longest wait for a request while one is due, milliseconds. */
const WAIT_MS = 2_000
/** The same while only this node knows that one is expected: the sidecar cannot end the wait when the work ends. */
const WORK_WAIT_MS = 250
/** The deadline of a call that waits, milliseconds. */
const POLL_DEADLINE_MS = 20_000
/** Most providers limit the output, and refuse a request for more. */
const MAX_OUTPUT_TOKENS = 4096

const Poll = z.looseObject({
  enabled: z.boolean(),
  request: z
    .looseObject({
      id: z.string(),
      messages: z.array(z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() })),
      max_output_tokens: z.number(),
    })
    .nullable(),
})

interface Server {
  caller: Pick<Caller, 'credentials'>
  parse<S extends z.ZodType>(schema: S, body: unknown): z.output<S>
  dify: Pick<ToolContext, 'models' | 'signal'>
}

/**
 * Runs the sidecar's model requests with the model of the node, until none is expected. With `work`, requests are expected
 * until it settles, because it waits for them. Returns why the model failed, or an empty text. A sidecar that fails ends
 * it and is only logged: it keeps the turns and asks the next node.
 */
export async function serveModelRequests(
  { caller, parse, dify }: Server,
  model: ModelSelection | undefined,
  user_id: string,
  work?: Promise<unknown>,
): Promise<string> {
  if (!model) return ''
  let isWorking = work !== undefined
  const done = () => {
    isWorking = false
  }
  work?.then(done, done)
  const end = performance.now() + SERVE_MS
  let answer: object | undefined
  let served = 0
  let failure = ''
  try {
    for (;;) {
      const hasTime = performance.now() < end && served < MAX_REQUESTS && !dify.signal.aborted
      if (!hasTime && !answer) return failure
      const { body } = await callSidecar(caller.credentials, {
        method: 'POST',
        path: '/v1/model-requests',
        body: {
          user_id,
          wait_ms: hasTime ? (isWorking ? WORK_WAIT_MS : WAIT_MS) : 0,
          expected: hasTime && isWorking,
          answer,
        },
        deadlineMs: POLL_DEADLINE_MS,
      })
      const { enabled, request } = parse(Poll, body)
      answer = undefined
      if (!enabled) return failure
      if (request) {
        const result = await run(dify, model, request)
        if ('error' in result) failure = `The model ${model.model} failed: ${result.error}`
        answer = { id: request.id, ...result }
        served += 1
      } else if (!isWorking) return failure
    }
  } catch (error) {
    if (!(error instanceof NodeError)) throw error
    console.error(`[models] ${error.message}`)
    return failure
  }
}

async function run(
  { models }: Server['dify'],
  model: ModelSelection,
  { messages, max_output_tokens }: NonNullable<z.output<typeof Poll>['request']>,
): Promise<{ error: string } | ReturnType<typeof toAnswer>> {
  const limit = { max_tokens: Math.min(max_output_tokens, MAX_OUTPUT_TOKENS) }
  const attempt = (completion_params: ModelSelection['completion_params']) =>
    models.llm({ model: { ...model, completion_params }, messages })
  try {
    const params = model.completion_params ?? {}
    const result = await attempt({ ...limit, ...params }).catch((error: unknown) => {
      // The model may have a lower limit, or none of this name.
      if (!/max_tokens|model parameter/i.test(String(error))) throw error
      return attempt(params)
    })
    return toAnswer(result)
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) }
  }
}

function toAnswer({ text, tool_calls, finish_reason, model, usage }: LlmResult) {
  return {
    // Some models put the requested JSON into the arguments of a function that was not offered.
    text: text.trim() === '' ? tool_calls.map((call) => call.arguments).join('\n') : text,
    finish: /length|max_tokens/.test(finish_reason ?? '')
      ? 'length'
      : /content_filter|refus/.test(finish_reason ?? '')
        ? 'refused'
        : 'stop',
    model,
    tokens_in: Math.round(usage.prompt_tokens),
    tokens_out: Math.round(usage.completion_tokens),
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
