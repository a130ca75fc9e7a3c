import type { ScriptedRequest } from './rules.ts'

/** Features that an endpoint or model may lack. `strict`: it supports schemas, but not strict ones. */
export type Lack = keyof typeof REFUSALS

export interface Refusal {
  status: number
  body: unknown
}

/** The error of a real server, named at each, for a request that uses an unsupported feature. */
const REFUSALS = {
  // OpenAI, for models older than gpt-4o.
  json_schema: ({ body }) =>
    body.response_format?.type === 'json_schema' &&
    openAi(
      "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.",
      'response_format',
    ),
  strict: ({ body }) =>
    body.response_format?.json_schema?.strict === true &&
    openAi("Invalid schema for response_format 'x': 'minLength' is not permitted.", 'response_format'),
  // LM Studio.
  json_object: ({ body }) =>
    body.response_format?.type === 'json_object' && {
      status: 400,
      body: { error: "'response_format.type' must be 'json_schema' or 'text'" },
    },
  // Ollama.
  tools: ({ body }) =>
    body.tools !== undefined && {
      status: 400,
      body: {
        error: {
          message: `registry.ollama.ai/library/${body.model} does not support tools`,
          type: 'api_error',
          param: null,
          code: null,
        },
      },
    },
  // Qwen's thinking models on DashScope.
  required_tools: ({ body }) =>
    body.tool_choice === 'required' &&
    openAi('The tool_choice parameter does not support being set to required or object in thinking mode'),
  // OpenAI's reasoning models.
  temperature: ({ body }) =>
    body.temperature !== undefined &&
    openAi(
      "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is supported.",
      'temperature',
      'unsupported_value',
    ),
  max_tokens: ({ body }) =>
    body.max_tokens !== undefined &&
    openAi(
      "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
      'max_tokens',
      'unsupported_parameter',
    ),
  // Mistral and other servers that validate with pydantic.
  max_completion_tokens: ({ body }) =>
    body.max_completion_tokens !== undefined && {
      status: 422,
      body: {
        detail: [
          {
            type: 'extra_forbidden',
            loc: ['body', 'max_completion_tokens'],
            msg: 'Extra inputs are not permitted',
            input: body.max_completion_tokens,
          },
        ],
      },
    },
  // Servers without an error message.
  anything_but_text: ({ body }) =>
    (body.response_format !== undefined || body.tools !== undefined) && {
      status: 400,
      body: { detail: 'Bad Request' },
    },
  // Qwen's QwQ and thinking models on DashScope.
  unstreamed: ({ body }) =>
    body.messages !== undefined &&
    body.stream !== true &&
    openAi('This model only support stream mode, please enable the stream parameter to access the model. '),
  // The hybrid Qwen3 models on DashScope.
  thinking: ({ body }) =>
    body.messages !== undefined &&
    body.stream !== true &&
    body.enable_thinking !== false &&
    openAi('parameter.enable_thinking must be set to false for non-streaming calls'),
  // Models that only think.
  no_thinking: ({ body }) =>
    body.enable_thinking === false &&
    openAi('The value of the enable_thinking parameter is restricted to True.'),
  // Mistral.
  stream_options: ({ body }) =>
    body.stream_options !== undefined && {
      status: 422,
      body: {
        detail: [
          { type: 'extra_forbidden', loc: ['body', 'stream_options'], msg: 'Extra inputs are not permitted' },
        ],
      },
    },
  base64: ({ body }) =>
    body.encoding_format === 'base64' &&
    openAi("Invalid value for 'encoding_format': only 'float' is supported"),
  // OpenAI.
  input_type: ({ body }) =>
    body.input_type !== undefined && openAi('Unrecognized request argument supplied: input_type'),
  // Servers without an error message.
  extra_embedding_fields: ({ body }) =>
    body.input !== undefined &&
    Object.keys(body).some((key) => !['model', 'input', 'encoding_format', 'dimensions'].includes(key)) && {
      status: 422,
      body: { detail: 'Unprocessable Entity' },
    },
  // Servers that pass unknown fields to a function.
  keyword_arguments: ({ body }) =>
    body.input_type !== undefined && {
      status: 500,
      body: { error: "TypeError: embed() got an unexpected keyword argument 'input_type'" },
    },
  // vLLM.
  dimensions: ({ body }) =>
    body.dimensions !== undefined && {
      status: 400,
      body: {
        object: 'error',
        message: `Model "${body.model}" does not support matryoshka representation, changing output dimensions will lead to poor results.`,
        type: 'BadRequestError',
        param: null,
        code: 400,
      },
    },
} satisfies Record<string, (request: ScriptedRequest) => Refusal | false>

/** The rejection of a request, or `undefined` if the server supports all of its features. */
export function refusalOf(request: ScriptedRequest, lacks: Iterable<Lack>): Refusal | undefined {
  for (const lack of lacks) {
    const refusal = REFUSALS[lack](request)
    if (refusal) return refusal
  }
  return undefined
}

function openAi(message: string, param: string | null = null, code: string | null = null): Refusal {
  return { status: 400, body: { error: { message, type: 'invalid_request_error', param, code } } }
}
