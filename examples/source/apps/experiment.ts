import { answer, chatflow, ifElse, llm, ref, start } from '../dsl.ts'
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

/** The experiment that experiment.yml names. */
export const EXPERIMENT = 'cached-or-not'

export function experiment(windowSize: number): Example {
  const recordOutcome = (desc: string, value: string) =>
    memoryNode('record_outcome', { desc, parameters: { outcome: 'thumbs', value } })
  return {
    file: 'experiment.yml',
    comment: [
      'An A/B comparison: the experiment assigns each conversation a strategy, and a thumb is recorded as its outcome.',
      'Start -> a thumb?  up   -> Record Outcome -> Thanks',
      '                   down -> Record Outcome -> Thanks',
      '                   else -> Retrieve Memory -> LLM -> Add Turn -> Answer, Add Message beside Retrieve Memory',
    ].join('\n'),
    app: chatflow({
      name: 'Hippocache · A/B',
      icon: '⚖️',
      description: `Install and authorize the Hippocache plugin, and create the experiment "${EXPERIMENT}" first. Each conversation keeps the strategy that it was assigned; a message of 👍 or 👎 is recorded as its outcome.`,
      nodes: {
        start: { at: [0, 0], data: start() },
        is_thumb: {
          at: [1, 0],
          data: ifElse('A thumb?', 'rates the conversation instead of continuing it', ['sys', 'query'], {
            like: '👍',
            dislike: '👎',
          }),
        },
        record_like: { at: [2, -2], data: recordOutcome('thumbs up', 'like') },
        record_dislike: { at: [2, -1], data: recordOutcome('thumbs down', 'dislike') },
        thanks: { at: [3, -1], data: answer('Thank you. This helps to choose the better memory.', 'Thanks') },
        save_message: { at: [2, 1], data: storeMessage() },
        retrieve: {
          at: [2, 0],
          data: memoryNode('retrieve_memory', {
            desc: 'by the strategy of the arm',
            parameters: { strategy: 'experiment', experiment: EXPERIMENT, window_size: windowSize },
          }),
        },
        // Which of the two has content depends on the arm.
        llm: {
          at: [3, 0],
          data: llm('experiment', {
            system: systemPrompt(ref('retrieve', 'block')),
            query: QUERY_AFTER_DELTA,
            windowSize,
          }),
        },
        save: { at: [4, 0], data: storeTurn() },
        answer: { at: [5, 0], data: ANSWER },
      },
      edges: [
        ['start', 'is_thumb'],
        ['is_thumb', 'record_like', 'like'],
        ['is_thumb', 'record_dislike', 'dislike'],
        ['record_like', 'thanks'],
        ['record_dislike', 'thanks'],
        ['is_thumb', 'save_message', 'false'],
        ['is_thumb', 'retrieve', 'false'],
        ['retrieve', 'llm'],
        ...fromLlm,
      ],
    }),
  }
}
