import { chatflow, code, httpRequest, llm, ref, start, type Variable } from '../dsl.ts'
import { ANSWER, type Example, systemPrompt } from '../parts.ts'

/** A template cannot escape quotation marks and line breaks in a query, so that code makes the JSON. */
const REQUESTS = (windowSize: number) => `function main({ query, user_id, conversation_id, turn }) {
  const place = { user_id, conversation_id, turn: Number(turn) }
  return {
    message: JSON.stringify({ ...place, messages: [{ role: 'user', content: query }] }),
    recall: JSON.stringify({ ...place, query, window_size: ${windowSize} }),
  }
}
`

/** An error has no context, and the chat continues without memory. */
const CONTEXT = `function main({ body }) {
  try {
    const { block = '', delta = '' } = JSON.parse(body)
    return { block, delta: delta === '' ? '' : delta + '\\n\\n' }
  } catch {
    return { block: '', delta: '' }
  }
}
`

const TURN = `function main({ message, answer }) {
  const turn = JSON.parse(message)
  turn.messages.push({ role: 'assistant', content: answer })
  return { turn: JSON.stringify(turn) }
}
`

const SYS: Readonly<Record<string, Variable>> = {
  query: ['sys', 'query'],
  user_id: ['sys', 'user_id'],
  conversation_id: ['sys', 'conversation_id'],
  turn: ['sys', 'dialogue_count'],
}

const call = (id: string, title: string, desc: string, path: string, json: string) =>
  httpRequest(id, title, desc, {
    method: 'post',
    url: `${ref('env', 'hippocache_url')}${path}`,
    headers: ['Content-Type:application/json', `Authorization:Bearer ${ref('env', 'hippocache_key')}`],
    json,
  })

export function httpOnly(windowSize: number): Example {
  return {
    file: 'http-only.yml',
    comment: [
      'Long-term memory without the plugin, over HTTP. Set the environment variables hippocache_url and hippocache_key.',
      'Start -> Requests -> Recall -> Memory -> LLM -> Turn -> Add Turn -> Answer, Add Message beside Recall',
    ].join('\n'),
    app: chatflow({
      name: 'Hippocache · HTTP only',
      icon: '🔌',
      description:
        'Needs no plugin: set the environment variables hippocache_url and hippocache_key. Since Dify 1.15 the SSRF proxy must allow the address (SSRF_PROXY_ALLOW_PRIVATE_DOMAINS).',
      environment: [
        {
          name: 'hippocache_url',
          value_type: 'string',
          value: 'http://hippocache:8484',
          description: 'The address of the sidecar',
        },
        {
          name: 'hippocache_key',
          value_type: 'secret',
          value: '',
          description: 'A key of API_KEYS, without its name',
        },
      ],
      nodes: {
        start: { at: [0, 0], data: start() },
        requests: {
          at: [1, 0],
          data: code('Requests', 'makes the JSON', REQUESTS(windowSize), SYS, ['message', 'recall']),
        },
        save_message: {
          at: [2, 1],
          data: call(
            'save_message',
            'Add Message',
            'stores what the user said, also if the answer is stopped',
            '/v1/memories',
            ref('requests', 'message'),
          ),
        },
        recall: {
          at: [2, 0],
          data: call('recall', 'Recall', 'block and delta', '/v1/recall', ref('requests', 'recall')),
        },
        memory: {
          at: [3, 0],
          data: code('Memory', 'reads the answer', CONTEXT, { body: ['recall', 'body'] }, ['block', 'delta']),
        },
        llm: {
          at: [4, 0],
          data: llm('http-only', {
            system: systemPrompt(ref('memory', 'block')),
            query: `${ref('memory', 'delta')}${ref('sys', 'query')}`,
            windowSize,
          }),
        },
        turn: {
          at: [5, 0],
          data: code(
            'Turn',
            'the message with its answer',
            TURN,
            { message: ['requests', 'message'], answer: ['llm', 'text'] },
            ['turn'],
          ),
        },
        save: {
          at: [6, 0],
          data: call(
            'save',
            'Add Turn',
            'between LLM and Answer; does not delay the text',
            '/v1/memories',
            ref('turn', 'turn'),
          ),
        },
        answer: { at: [7, 0], data: ANSWER },
      },
      edges: [
        ['start', 'requests'],
        ['requests', 'save_message'],
        ['requests', 'recall'],
        ['recall', 'memory'],
        ['memory', 'llm'],
        ['llm', 'turn'],
        ['turn', 'save'],
        ['save', 'answer'],
      ],
    }),
  }
}
