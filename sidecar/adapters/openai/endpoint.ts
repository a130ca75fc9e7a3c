import OpenAI from 'openai'

/** Where an OpenAI-compatible API is and how it is entered. */
export interface EndpointOptions {
  /**
   * Address up to `/chat/completions`. `{model}` in it stands for the model, for Azure's addresses by deployment:
   * `https://NAME.openai.azure.com/openai/deployments/{model}`. @default https://api.openai.com/v1
   */
  baseUrl?: string | undefined
  /** Absent for servers that want none (Ollama, vLLM). */
  apiKey?: string | undefined
  /** Header for the key. @default `api-key` for hosts of azure.com, else `authorization` (as a bearer token) */
  keyHeader?: 'authorization' | 'api-key' | undefined
  /** Azure's `api-version` query parameter. */
  apiVersion?: string | undefined
}

export interface Endpoint {
  /** Host and port, safe to show. */
  readonly host: string
  /** Whether it is OpenAI's or Azure's own service, whose newest parameters it then has. */
  readonly official: boolean
  /** The parsed answer of one try. Rejects with errors that `failureOf` reads. */
  post(path: string, model: string, body: object, signal: AbortSignal): Promise<unknown>
}

/** An answer beyond the bound on its size. */
export class AnswerTooLarge extends Error {
  override readonly name = 'AnswerTooLarge'
}

/** 32 vectors of 4096 numbers as JSON text are 3 MB; no completion comes near. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024

/** @throws {TypeError} when the address or the key cannot be used; the message does not show the key. */
export function openEndpoint(options: EndpointOptions): Endpoint {
  const { baseUrl = 'https://api.openai.com/v1', apiKey, apiVersion } = options
  const { host, hostname, protocol } = parse(baseUrl)
  if (apiKey !== undefined && !/^[\x21-\x7e]+$/.test(apiKey)) {
    throw new TypeError('Expected `apiKey` to be printable ASCII without spaces or line breaks')
  }
  const azure = /\.azure\.com$/.test(hostname)
  const { keyHeader = azure ? 'api-key' : 'authorization' } = options
  const clients = new Map<string, OpenAI>()

  const clientOf = (model: string): OpenAI => {
    const url = baseUrl.replaceAll('{model}', encodeURIComponent(model))
    const known = clients.get(url)
    if (known) return known
    const client = new OpenAI({
      baseURL: url,
      // The client insists on a key and would look for one in the environment; so for everything that is null.
      apiKey: apiKey ?? 'none',
      organization: null,
      project: null,
      adminAPIKey: null,
      webhookSecret: null,
      logLevel: 'off',
      maxRetries: 0,
      fetch: boundedFetch,
      defaultQuery: { 'api-version': apiVersion },
      defaultHeaders:
        apiKey === undefined
          ? { authorization: null }
          : keyHeader === 'api-key'
            ? { authorization: null, 'api-key': apiKey }
            : {},
    })
    clients.set(url, client)
    return client
  }

  return {
    host,
    official: azure || (protocol === 'https:' && hostname === 'api.openai.com'),
    async post(path, model, body, signal) {
      return await clientOf(model).post<unknown>(path, { body, signal })
    },
  }
}

function parse(baseUrl: string): URL {
  const url = URL.parse(baseUrl)
  if (url && (url.protocol === 'http:' || url.protocol === 'https:') && !url.username && !url.password)
    return url
  throw new TypeError(
    `Expected \`baseUrl\` to be an http(s) address without a user name, like https://api.openai.com/v1` +
      (url ? '' : `, got ${JSON.stringify(baseUrl.slice(0, 80))}`),
  )
}

/** `fetch` whose answers end with an error where they grow beyond the bound. */
const boundedFetch: typeof fetch = async (input, init) => {
  const response = await fetch(input, init)
  if (!response.body) return response
  let bytes = 0
  const bounded = response.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        bytes += chunk.byteLength
        if (bytes > MAX_ANSWER_BYTES) controller.error(new AnswerTooLarge())
        else controller.enqueue(chunk)
      },
    }),
  )
  const { status, statusText, headers } = response
  return new Response(bounded, { status, statusText, headers })
}
