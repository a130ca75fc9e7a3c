import {
  blobMessages,
  type ParameterOption,
  PluginError,
  Tool,
  type ToolContext,
  type ToolMessage,
  textMessage,
  variableMessage,
} from '../../../../plugin-sdk/index.ts'

export class EchoTool extends Tool {
  async *invoke(parameters: Record<string, unknown>) {
    const { text, times } = parameters as { text: string; times: number }
    yield this.createVariableMessage('said', text)
    yield this.createJsonMessage({ session: this.session, user: this.runtime.user_id, parameters })
    for (let i = 0; i < times; i += 1) yield this.createTextMessage(`${i}:${text}`)
  }

  override async fetchParameterOptions(parameter: string): Promise<ParameterOption[]> {
    return [{ value: 'low', label: `Low ${parameter}` }]
  }
}

/** Messages of a chosen kind and size. */
export async function* produce(
  parameters: Record<string, unknown>,
  { models, storage }: ToolContext,
): AsyncGenerator<ToolMessage> {
  const bytes = Number(parameters['bytes'] ?? 0)
  if (parameters['kind'] === 'blob') {
    yield* blobMessages(new Uint8Array(bytes).fill(7), { mime_type: 'text/plain', filename: 'sevens.bin' })
  } else if (parameters['kind'] === 'line') {
    yield textMessage('é'.repeat(bytes / 2))
  } else if (parameters['kind'] === 'dify') {
    await storage.set('key', Buffer.from('stored'))
    const model = { provider: 'p/q/r', model: 'm' }
    const { text } = await models.llm({ model, messages: [{ role: 'user', content: 'é'.repeat(bytes / 2) }] })
    yield textMessage(`${text}, ${Buffer.from((await storage.get('key')) ?? []).toString()}`)
  } else if (parameters['kind'] === 'print') {
    console.log('a stray line of print')
    process.stdout.write('another stray line\n')
    yield textMessage('printed')
  }
}

/** Every way a tool can go wrong. */
export async function* fail(
  parameters: Record<string, unknown>,
  context: ToolContext,
): AsyncGenerator<ToolMessage> {
  const how = parameters['how']
  yield textMessage('before')
  if (how === 'error') throw new Error(`store is locked, key ${context.runtime.credentials['api_key']}`)
  if (how === 'many-args') {
    const args = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`k${i}`, i]))
    throw new PluginError('too many', { args })
  }
  if (how === 'string') throw 'just a string'
  if (how === 'reserved') yield variableMessage('text', 'no')
  if (how === 'garbage') yield 'not a message' as unknown as ToolMessage
  if (how === 'bigint') yield variableMessage('big', { n: 1n })
  if (how === 'leak') setInterval(() => {}, 1000)
  if (how === 'rejection') void Promise.reject(new Error('unhandled on purpose'))
  yield textMessage('after')
}

/** Answers after a while, unless the session is over before. */
export async function* wait(
  parameters: Record<string, unknown>,
  context: ToolContext,
): AsyncGenerator<ToolMessage> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, Number(parameters['ms'] ?? 0))
    context.signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
  yield textMessage(context.signal.aborted ? 'aborted' : 'waited')
}
