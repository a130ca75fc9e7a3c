import { type Chatflow, chatflow, llm, type PlacedNode, ref, start } from '../dsl.ts'
import { memoryNode } from '../nodes.ts'
import {
  ANSWER,
  type Example,
  fromLlm,
  QUERY_AFTER_DELTA,
  storeMessage,
  storeTurn,
  systemPrompt,
} from '../parts.ts'

interface Simple {
  info: Omit<Chatflow, 'nodes' | 'edges'>
  retrieve: PlacedNode['data']
  prompt: PlacedNode['data']
}

/** Start → Retrieve Memory → LLM → Add Turn → Answer, with Add Message beside Retrieve Memory. */
function simpleFlow({ info, retrieve, prompt }: Simple): object {
  return chatflow({
    ...info,
    nodes: {
      start: { at: [0, 0], data: start() },
      save_message: { at: [1, 1], data: storeMessage() },
      retrieve: { at: [1, 0], data: retrieve },
      llm: { at: [2, 0], data: prompt },
      save: { at: [3, 0], data: storeTurn() },
      answer: { at: [4, 0], data: ANSWER },
    },
    edges: [['start', 'save_message'], ['start', 'retrieve'], ['retrieve', 'llm'], ...fromLlm],
  })
}

export function perQuery(windowSize: number): Example {
  return {
    file: 'per-query.yml',
    comment:
      'Long-term memory, searched for each query.\nStart -> Retrieve Memory -> LLM -> Add Turn -> Answer, Add Message beside Retrieve Memory',
    app: simpleFlow({
      info: {
        name: 'Hippocache · per query',
        icon: '🔎',
        description:
          'Install and authorize the Hippocache plugin first. Searches the memories of the user for each query, answers, and stores the turn.',
      },
      retrieve: memoryNode('retrieve_memory', {
        desc: 'what long-term memory knows about this query',
        parameters: { strategy: 'per_query', window_size: windowSize },
      }),
      prompt: llm('per-query', { system: systemPrompt(ref('retrieve', 'context')), windowSize }),
    }),
  }
}

export function cachedNode(windowSize: number): Example {
  return {
    file: 'cached-node.yml',
    comment:
      'Long-term memory in a block that Retrieve Memory caches with the chat window.\nStart -> Retrieve Memory -> LLM -> Add Turn -> Answer, Add Message beside Retrieve Memory',
    app: simpleFlow({
      info: {
        name: 'Hippocache · cached in one node',
        icon: '🧊',
        description:
          'Install and authorize the Hippocache plugin first. Serves one block of memories while the chat window covers the turns since; a correction or deletion renews it immediately.',
      },
      retrieve: memoryNode('retrieve_memory', {
        desc: 'the block, cached with the chat window',
        parameters: { strategy: 'cached', window_size: windowSize },
      }),
      prompt: llm('cached-node', { system: systemPrompt(ref('retrieve', 'context')), windowSize }),
    }),
  }
}

export function cachedDelta(windowSize: number): Example {
  return {
    file: 'cached-delta.yml',
    comment:
      'Long-term memory as a cached block in the system prompt, and what else the query needs before the question.\nStart -> Retrieve Memory -> LLM -> Add Turn -> Answer, Add Message beside Retrieve Memory',
    app: simpleFlow({
      info: {
        name: 'Hippocache · cached block and delta',
        icon: '🧩',
        description:
          'Install and authorize the Hippocache plugin first. A block that stays byte-identical in the system prompt, and the memories that this query needs besides before the question.',
      },
      retrieve: memoryNode('retrieve_memory', {
        desc: 'the block, and what else the query needs',
        parameters: { strategy: 'cached_delta', window_size: windowSize },
      }),
      prompt: llm('cached-delta', {
        system: systemPrompt(ref('retrieve', 'block')),
        query: QUERY_AFTER_DELTA,
        windowSize,
      }),
    }),
  }
}
