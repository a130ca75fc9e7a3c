import { lexicalEmbedder } from '../../../../sidecar/adapters/in-process/lexical-embedder.ts'
import { reconcile } from '../../../../sidecar/learning/reconcile/reconcile.ts'
import type { Decision, KnownMemory, NewFact } from '../../../../sidecar/learning/reconcile/types.ts'
import type {
  Completion,
  CompletionRequest,
  LanguageModel,
} from '../../../../sidecar/ports/language-model.ts'
import { cosine } from '../../../../sidecar/retrieval/ranking/similarity-scale.ts'

const DAY = 86_400_000
export const MAY = Date.UTC(2026, 4, 1)
const JUNE = Date.UTC(2026, 5, 1)

const embedder = lexicalEmbedder()

export async function fact(text: string, slot = '', more: Partial<NewFact> = {}): Promise<NewFact> {
  const [topic = '', subTopic = ''] = slot.split('/')
  const [dense] = (await embedder.embed([text], 'document')) as [Float32Array]
  return {
    text,
    topic,
    subTopic,
    speaker: 'user',
    eventDate: null,
    at: JUNE,
    dense,
    ...more,
  }
}

export async function known(
  id: string,
  text: string,
  slot = '',
  more: Partial<KnownMemory> = {},
): Promise<KnownMemory> {
  const { eventDate: _, ...rest } = await fact(text, slot)
  return { id, ...rest, at: MAY, ...more }
}

/** A decision of the scripted model. Memories and facts are given by their number or a part of their text. */
export interface Said {
  fact: string | number
  action: string
  memory?: string | number | null
  text?: string | null
  why?: string
}

export type Answer = Partial<Completion> | ((request: CompletionRequest) => Partial<Completion>)

export interface ScriptedModel extends LanguageModel {
  requests: CompletionRequest[]
}

/** Gives these answers in order; a further request throws. */
export function scripted(...answers: Answer[]): ScriptedModel {
  const requests: CompletionRequest[] = []
  return {
    kind: 'scripted',
    requests,
    async complete(request) {
      const answer = answers[requests.length]
      requests.push(request)
      if (answer === undefined) throw new Error(`Expected ${answers.length} requests, got one more`)
      const given = typeof answer === 'function' ? answer(request) : answer
      return { text: '', calls: [], finish: 'stop', model: 'scripted', ...given }
    },
  }
}

/** An answer that calls `decide`; parts of texts become the numbers of the request. */
export function says(...items: Said[]): Answer {
  return (request) => ({ calls: [{ name: 'decide', arguments: JSON.stringify(itemsFor(request, items)) }] })
}

/** The same as plain text, as from an endpoint without functions. */
export function writes(...items: Said[]): Answer {
  return (request) => ({
    text: `Here you go:\n\`\`\`json\n${JSON.stringify({ calls: [{ name: 'decide', arguments: itemsFor(request, items) }] })}\n\`\`\``,
    without: ['tools'],
  })
}

function itemsFor(request: CompletionRequest, items: readonly Said[]) {
  const prompt = request.messages.map(({ content }) => content).join('\n')
  return {
    items: items.map(({ fact: about, action, memory = null, text = null, why = 'because' }) => ({
      fact: numberOf(prompt, about),
      why,
      action,
      memory: memory === null ? null : numberOf(prompt, memory),
      text,
    })),
  }
}

/** The number of the line that contains `part`; numbers are returned unchanged. */
function numberOf(prompt: string, part: string | number): number {
  if (typeof part === 'number') return part
  const line = prompt.split('\n').findLast((one) => /^\d+ \[/.test(one) && one.includes(part))
  if (!line) throw new Error(`No line of the request contains ${JSON.stringify(part)}:\n${prompt}`)
  return Number.parseInt(line, 10)
}

export interface RunOptions {
  facts: readonly NewFact[]
  memories?: readonly KnownMemory[]
  model?: ScriptedModel
  signal?: AbortSignal
}

/** Reconciles with memories in a list, ranked by cosine. `asked`: the number of requests. */
export async function run({ facts, memories = [], model = scripted(), signal }: RunOptions) {
  const decisions = await reconcile(facts, {
    model,
    signal,
    account: { scope: 'scope' },
    neighboursOf: (one, limit) =>
      memories.toSorted((a, b) => cosine(b.dense, one.dense) - cosine(a.dense, one.dense)).slice(0, limit),
  })
  return { decisions, asked: model.requests.length }
}

/** `UPDATE k1: new text`, in the order of the facts. */
export function brief(decisions: readonly Decision[]): string[] {
  return decisions.map((one) => {
    if (one.event === 'ADD') return `${one.fact} ADD${one.text === undefined ? '' : `: ${one.text}`}`
    if (one.event === 'UPDATE') return `${one.fact} UPDATE ${one.target}: ${one.text}`
    if (one.event === 'DELETE') return `${one.fact} DELETE ${one.target}`
    const like = one.sameAs === undefined ? '' : ` as ${one.sameAs}`
    const lost = one.supersededBy === undefined ? '' : ` by ${one.supersededBy}`
    return `${one.fact} NOOP ${one.target}${like}${lost}`
  })
}

/** Epoch milliseconds of the n-th day after June 1st. */
export function june(day: number): number {
  return JUNE + (day - 1) * DAY
}
