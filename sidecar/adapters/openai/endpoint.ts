import { LRUCache } from 'lru-cache'
import OpenAI from 'openai'

/** Address and credentials of an OpenAI-compatible API. */
export interface EndpointOptions {
  /** Address up to `/chat/completions`; `{model}` in it is replaced, for Azure. @default https://api.openai.com/v1 */
  baseUrl?: string | undefined
  /** Sent as a bearer token, to Azure as `api-key`. Absent for servers without authentication (Ollama, vLLM). */
  apiKey?: string | undefined
  /** Azure's `api-version` query parameter. */
  apiVersion?: string | undefined
}

/** The client drops the body of an error without the member `error`, which vLLM, FastAPI and DashScope return. */
class Client extends OpenAI {
  protected override makeStatusError(...args: Parameters<OpenAI['makeStatusError']>) {
    const [status, body, ...rest] = args
    return super.makeStatusError(status, body && !('error' in body) ? { error: body } : body, ...rest)
  }
}

export class ResponseTooLarge extends Error {
  override readonly name = 'ResponseTooLarge'
}

/** One for each model; creating one takes half a millisecond. */
const MAX_CLIENTS = 16

/** 32 vectors of 4096 numbers as JSON are 3 MB; completions are far smaller. */
const MAX_RESPONSE_BYTES = 32 * 1024 * 1024

/** @throws {TypeError} for an invalid address or key; the message omits the key */
export function openEndpoint({ baseUrl = 'https://api.openai.com/v1', apiKey, apiVersion }: EndpointOptions) {
  const { host, hostname, protocol } = parse(baseUrl)
  if (apiKey !== undefined && !/^[\x21-\x7e]+$/.test(apiKey)) {
    throw new TypeError('apiKey: expected printable ASCII without spaces and line breaks')
  }
  const isAzure = /\.azure\.com$/.test(hostname)
  const createClient = (model: string) =>
    new Client({
      baseURL: baseUrl.replaceAll('{model}', encodeURIComponent(model)),
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
      defaultHeaders: {
        ...(apiKey === undefined || isAzure ? { authorization: null } : {}),
        ...(apiKey !== undefined && isAzure ? { 'api-key': apiKey } : {}),
      },
    })
  const clients = new LRUCache({ max: MAX_CLIENTS, memoMethod: createClient })
  return {
    /** Host and port, without credentials. */
    host,
    /** Whether it is the service of OpenAI or Azure, which supports the newest parameters. */
    isOfficial: isAzure || (protocol === 'https:' && hostname === 'api.openai.com'),
    /** Sends one request. Rejects with errors for `failureOf`. */
    post: async (path: string, model: string, body: object, signal: AbortSignal): Promise<unknown> =>
      await clients.memo(model).post<unknown>(path, { body, signal }),
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

/** `fetch` that resolves when it has the response body, and rejects when that exceeds `MAX_RESPONSE_BYTES`. */
const boundedFetch: typeof fetch = async (input, init) => {
  const response = await fetch(input, init)
  if (!response.body) return response
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body) {
    bytes += chunk.byteLength
    if (bytes > MAX_RESPONSE_BYTES) throw new ResponseTooLarge()
    chunks.push(chunk)
  }
  return new Response(Buffer.concat(chunks), response)
}
