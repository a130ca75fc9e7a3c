import OpenAI from 'openai'

/** Address and credentials of an OpenAI-compatible API. */
export interface EndpointOptions {
  /**
   * Address up to `/chat/completions`. `{model}` in it stands for the model, for Azure's addresses by deployment:
   * `https://NAME.openai.azure.com/openai/deployments/{model}`. @default https://api.openai.com/v1
   */
  baseUrl?: string | undefined
  /** Absent for servers without authentication (Ollama, vLLM). */
  apiKey?: string | undefined
  /** Header for the key. @default `api-key` for hosts of azure.com, else `authorization` (as a bearer token) */
  keyHeader?: 'authorization' | 'api-key' | undefined
  /** Azure's `api-version` query parameter. */
  apiVersion?: string | undefined
}

export interface Endpoint {
  /** Host and port, without credentials. */
  readonly host: string
  /** Whether it is the service of OpenAI or Azure, which supports the newest parameters. */
  readonly isOfficial: boolean
  /** Sends one request. Rejects with errors for `failureOf`. */
  post(path: string, model: string, body: object, signal: AbortSignal): Promise<unknown>
}

export class ResponseTooLarge extends Error {
  override readonly name = 'ResponseTooLarge'
}

/** 32 vectors of 4096 numbers as JSON are 3 MB; completions are far smaller. */
const MAX_RESPONSE_BYTES = 32 * 1024 * 1024

/** @throws {TypeError} for an invalid address or key; the message omits the key */
export function openEndpoint(options: EndpointOptions): Endpoint {
  const { baseUrl = 'https://api.openai.com/v1', apiKey, apiVersion } = options
  const { host, hostname, protocol } = parse(baseUrl)
  if (apiKey !== undefined && !/^[\x21-\x7e]+$/.test(apiKey)) {
    throw new TypeError('apiKey: expected printable ASCII without spaces and line breaks')
  }
  const isAzure = /\.azure\.com$/.test(hostname)
  const { keyHeader = isAzure ? 'api-key' : 'authorization' } = options
  const clients = new Map<string, OpenAI>()

  const clientOf = (model: string): OpenAI => {
    const url = baseUrl.replaceAll('{model}', encodeURIComponent(model))
    const known = clients.get(url)
    if (known) return known
    const client = new OpenAI({
      baseURL: url,
      // Without explicit values the client reads these from the environment, and it requires a key.
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
    isOfficial: isAzure || (protocol === 'https:' && hostname === 'api.openai.com'),
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
    `baseUrl: expected an http(s) URL without a user name, like https://api.openai.com/v1` +
      (url ? '' : `, got ${JSON.stringify(baseUrl.slice(0, 80))}`),
  )
}

/** `fetch` whose response bodies fail when they exceed `MAX_RESPONSE_BYTES`. */
const boundedFetch: typeof fetch = async (input, init) => {
  const response = await fetch(input, init)
  if (!response.body) return response
  let bytes = 0
  const bounded = response.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        bytes += chunk.byteLength
        if (bytes > MAX_RESPONSE_BYTES) controller.error(new ResponseTooLarge())
        else controller.enqueue(chunk)
      },
    }),
  )
  const { status, statusText, headers } = response
  return new Response(bounded, { status, statusText, headers })
}
