import type { Account } from '../../../ports/language-model.ts'
import { type CallerOptions, createCaller } from '../caller.ts'
import { EndpointFailure, isTooLongInput } from '../failures.ts'
import { vectorsOf } from './vectors.ts'

interface RequesterOptions extends CallerOptions {
  model: string
  dimensions?: number | undefined
}

/** Requests the vectors of a batch. */
export type Request = (
  input: readonly string[],
  options?: {
    /** The expected vector length. @default any */
    dimensions?: number | undefined
    /** The field `input_type` of the request. @default not sent */
    inputType?: 'query' | 'passage' | undefined
    account?: Account | undefined
    signal?: AbortSignal | undefined
  },
) => Promise<Float32Array[]>

/** Requests the vectors of one batch and drops parameters that the endpoint rejects. */
export function createRequester(options: RequesterOptions) {
  const { model } = options
  const caller = createCaller('embedding', { ...options, timeoutMs: options.timeoutMs ?? 30_000 })
  const unsupported = { base64: false, dimensions: options.dimensions === undefined }
  const request: Request = async (input, { dimensions, inputType, account = { scope: '' }, signal } = {}) => {
    const attempts = { count: 0 }
    const used = { ...unsupported }
    for (;;) {
      try {
        const vectors = await caller.call({
          path: '/embeddings',
          model,
          body: {
            model,
            input,
            encoding_format: used.base64 ? 'float' : 'base64',
            ...(used.dimensions ? {} : { dimensions: options.dimensions }),
            ...(inputType === undefined ? {} : { input_type: inputType }),
          },
          parse: (body, invalid) => vectorsOf(body, { count: input.length, dimensions }, invalid),
          purpose: 'embed',
          account,
          signal,
          attempts,
        })
        unsupported.base64 ||= used.base64
        unsupported.dimensions ||= used.dimensions
        return vectors
      } catch (error) {
        if (!(error instanceof EndpointFailure) || (error.status !== 400 && error.status !== 422)) throw error
        // vLLM does not name the parameter: "… does not support matryoshka representation".
        if (!used.dimensions && /dimension|matryoshka/i.test(error.responseText)) used.dimensions = true
        else if (!used.base64 && !isTooLongInput(error.responseText)) used.base64 = true
        else throw error
      }
    }
  }
  return { host: caller.host, request }
}
