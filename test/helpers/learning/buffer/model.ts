import type {
  Completion,
  CompletionRequest,
  LanguageModel,
} from '../../../../sidecar/ports/language-model.ts'
import { type FactTable, memoryModel } from '../../memory-model.ts'
import type { ScriptedRequest } from '../../scripted-openai/server.ts'

export const TABLE: FactTable = {
  'I live in Leeds': [{ text: 'Ada lives in Leeds.', topic: 'basic_info', sub_topic: 'home' }],
  'I moved to Porto': [
    { text: 'Ada lives in Porto.', topic: 'basic_info', sub_topic: 'home', replaces: 'Ada lives in Leeds.' },
  ],
  'I am a nurse': [{ text: 'Ada works as a nurse.', topic: 'work', sub_topic: 'role' }],
  'I am a potter': [
    { text: 'Ada works as a potter.', topic: 'work', sub_topic: 'role', replaces: 'Ada works as a nurse.' },
  ],
  'I have a cat': [{ text: 'Ada has a cat.', topic: 'relationships', sub_topic: 'pets' }],
  'I play the cello': [{ text: 'Ada plays the cello.', topic: 'preferences', sub_topic: 'music' }],
  'I am allergic to nuts': [{ text: 'Ada is allergic to nuts.', topic: 'health', sub_topic: 'allergies' }],
  'I speak Welsh': [{ text: 'Ada speaks Welsh.', topic: 'basic_info', sub_topic: 'languages' }],
}

/** Replaces the answer of the table; `undefined` keeps it. */
export type Behaviour = (
  request: CompletionRequest,
) => Promise<Partial<Completion> | undefined> | Partial<Completion> | undefined

export interface TableModel extends LanguageModel {
  calls: CompletionRequest[]
  /** Texts of the extraction batches. */
  batches: () => string[]
  /** Behaviours of the next calls, one each, before `always` applies. */
  next: (...behaviours: Behaviour[]) => void
  always: (behaviour: Behaviour | undefined) => void
  usual: () => Behaviour | undefined
  /** Discards unused behaviours of `next`. */
  forgetNext: () => void
  mostAtOnce: number
}

/** An in-process language model that answers from a table. */
export function tableModel(table: FactTable): TableModel {
  const answer = memoryModel(table)
  const queue: Behaviour[] = []
  let usual: Behaviour | undefined
  let running = 0
  const model: TableModel = {
    kind: 'table',
    calls: [],
    mostAtOnce: 0,
    batches: () => model.calls.filter(({ purpose }) => purpose === 'extract').map(batchOf),
    next: (...behaviours) => void queue.push(...behaviours),
    always: (behaviour) => {
      usual = behaviour
    },
    usual: () => usual,
    forgetNext: () => void queue.splice(0),
    async complete(request) {
      request.signal?.throwIfAborted()
      model.calls.push(request)
      model.mostAtOnce = Math.max(model.mostAtOnce, ++running)
      try {
        const special = await untilAborted(
          Promise.resolve((queue.shift() ?? usual)?.(request)),
          request.signal,
        )
        const usualAnswer = special ? {} : answerOf(answer(toScripted(request)))
        return { text: '', calls: [], finish: 'stop', model: 'table', ...usualAnswer, ...special }
      } finally {
        running--
      }
    },
  }
  return model
}

export function batchOf({ messages }: CompletionRequest): string {
  const last = messages.at(-1)?.content ?? ''
  return /<batch>\n([\s\S]*)\n<\/batch>/.exec(last)?.[1] ?? last
}

export const gibberish: Behaviour = () => ({ text: 'I am sorry, but I cannot help with that.' })

export const cutOff: Behaviour = () => ({ text: '{"facts":[{"text":"Ada li', finish: 'length' })

/** A behaviour that waits until `release` is called. */
export function held(): { behaviour: Behaviour; reached: Promise<void>; release: () => void } {
  const { promise, resolve: release } = Promise.withResolvers<void>()
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>()
  const behaviour: Behaviour = async () => {
    reach()
    await promise
    return undefined
  }
  return { behaviour, reached, release }
}

function toScripted({ messages, tools }: CompletionRequest): ScriptedRequest {
  const last = messages.at(-1)?.content ?? ''
  return {
    last,
    all: messages.map(({ content }) => content).join('\n'),
    body: { messages, tools: tools?.map((one) => ({ function: one })) },
    method: 'POST',
    path: '/v1/chat/completions',
    query: {},
    headers: {},
  }
}

function answerOf(answer: ReturnType<ReturnType<typeof memoryModel>>): Partial<Completion> {
  if (typeof answer === 'string') return { text: answer }
  const calls = (answer.calls ?? []).map((call) => ({
    name: call.name,
    arguments: JSON.stringify(call.arguments),
  }))
  return { text: answer.content ?? '', calls }
}

async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return await work
  return await new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    work.then(resolve, reject)
  })
}
