import { chatflow, firstOf, ifElse, llm, ref, start } from '../dsl.ts'
import { memoryNode } from '../nodes.ts'
import { ANSWER, type Example, fromLlm, storeMessage, storeTurn, systemPrompt } from '../parts.ts'

export function cachedByHand(windowSize: number): Example {
  const key = `mem:${ref('sys', 'user_id')}:${ref('sys', 'conversation_id')}`
  return {
    file: 'cached.yml',
    comment: [
      'Long-term memory, cached with the chat window by explicit cache nodes.',
      'Start -> Cache Get -> hit?  yes -> Memory text',
      '                            no  -> Retrieve Memory -> complete?  yes -> Cache Set -> Memory text',
      '                                                                 no  -> Memory text',
      'Memory text -> LLM -> Add Turn -> Answer, Add Message beside Cache Get',
    ].join('\n'),
    app: chatflow({
      name: 'Hippocache · cached by hand',
      icon: '🗃️',
      description:
        'Install and authorize the Hippocache plugin first. Retrieves memory once, serves it from the cache while the chat window covers the turns since, and refreshes it when the window moves past them.',
      nodes: {
        start: { at: [0, 0], data: start() },
        save_message: { at: [1, 2], data: storeMessage() },
        cache_get: {
          at: [1, 0],
          data: memoryNode('cache_get', {
            desc: 'hit while the chat window covers the turns since the block was cached',
            parameters: { key, window_size: windowSize },
          }),
        },
        is_hit: {
          at: [2, 0],
          data: ifElse('Hit?', 'a stale value counts as a miss', ['cache_get', 'status'], { true: 'hit' }),
        },
        retrieve: {
          at: [3, 1],
          data: memoryNode('retrieve_memory', {
            // 0: the block is still served when the turns in the window have left it. More than one query needs.
            desc: 'the block for the next turns: window size 0, more memories than one query needs',
            parameters: { strategy: 'per_query', window_size: 0, top_k: 16, token_budget: 2000 },
          }),
        },
        is_complete: {
          at: [4, 1],
          data: ifElse(
            'Complete?',
            'do not cache an empty or degraded answer for ten turns',
            ['retrieve', 'status'],
            { true: 'ok' },
          ),
        },
        cache_set: {
          at: [5, 1],
          data: memoryNode('cache_set', {
            desc: 'caches the block for the rest of the window; a deleted memory may be served for an hour',
            parameters: { key, value: ref('retrieve', 'context'), window_size: windowSize, ttl_s: 3600 },
          }),
        },
        memory: {
          at: [6, 0],
          data: firstOf('Memory text', [
            ['retrieve', 'context'],
            ['cache_get', 'value'],
          ]),
        },
        llm: {
          at: [7, 0],
          data: llm('cached', { system: systemPrompt(ref('memory', 'output')), windowSize }),
        },
        save: { at: [8, 0], data: storeTurn() },
        answer: { at: [9, 0], data: ANSWER },
      },
      edges: [
        ['start', 'save_message'],
        ['start', 'cache_get'],
        ['cache_get', 'is_hit'],
        ['is_hit', 'memory', 'true'],
        ['is_hit', 'retrieve', 'false'],
        ['retrieve', 'is_complete'],
        ['is_complete', 'cache_set', 'true'],
        ['is_complete', 'memory', 'false'],
        ['cache_set', 'memory'],
        ['memory', 'llm'],
        ...fromLlm,
      ],
    }),
  }
}
