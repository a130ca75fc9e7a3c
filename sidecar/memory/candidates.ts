import { splitSentences } from '../text/sentences.ts'
import { offloaded, totalLength } from '../text/worker-pool.ts'
import { removeRecalled } from './extract/recalled.ts'
import { memoryIdOf } from './identity.ts'
import type { Role, Source } from './memory.ts'
import type { Message, Remember } from './turns.ts'
import { keepVerbatim, normaliseForDuplicate } from './verbatim.ts'

/** A text of a turn that is worth remembering; it may be known already. */
export interface Candidate {
  /** As `memoryIdOf` derives it. */
  id: string
  text: string
  /** `normaliseForDuplicate` of the text. */
  key: string
  role: Role
  speaker: string
  context: string | null
  source: Source
}

export interface CandidateOptions {
  scope: string
  agentId: string | null
  runId: string | null
  remember: Remember
  /** The last message of the previous turn, if known. */
  saidBefore: Pick<Message, 'content' | 'at'> | null
  source: Pick<Source, 'turn_id' | 'conversation_id' | 'turn'>
  /** Time of messages that have none of their own, epoch milliseconds. */
  now: number
}

/** After a longer pause, in milliseconds, a message is not taken for an answer to the previous one. */
const MAX_PAUSE_MS = 3_600_000

/** Longest context of a memory, in characters: enough for a question. */
const MAX_CONTEXT = 500

export interface CandidateInput {
  messages: readonly Message[]
  options: CandidateOptions
}

/** `collectCandidates`, in a worker thread when there is much text. */
export const candidatesOf = offloaded(import.meta.url, collectCandidates, ({ messages }) =>
  totalLength(messages.map(({ content }) => content)),
)

/** The texts of a turn that are worth remembering, each once. */
export function collectCandidates({ messages, options }: CandidateInput): Candidate[] {
  const { scope, agentId: agent_id, runId: run_id, remember, source, now } = options
  const candidates = new Map<string, Candidate>()
  let before = options.saidBefore
  for (const [ordinal, message] of messages.entries()) {
    const { role, name, at = now } = message
    // Recalled memories that an answer repeats must not be remembered again.
    const content = removeRecalled(message.content)
    const speaker = name ?? role
    if (role !== 'system' && (remember === 'both' || remember === role)) {
      for (const text of keepVerbatim({ role, content, ...(name === undefined ? {} : { name }) })) {
        const key = normaliseForDuplicate(text)
        const id = memoryIdOf(scope, { agent_id, run_id, speaker }, key)
        const context = contextOf(before, at, now)
        if (!candidates.has(id)) {
          candidates.set(id, { id, text, key, role, speaker, context, source: { ...source, ordinal, at } })
        }
      }
    }
    before = { content, at }
  }
  return [...candidates.values()]
}

/** A message without one of its candidate texts. */
export function withoutText(content: string, text: string): string {
  const sentences = splitSentences(content)
  const left = sentences.filter((one) => !text.includes(one)).map((one) => one.replaceAll(text, '').trim())
  // A text that cannot be separated from the rest takes the whole message with it.
  return left.join('\n') === sentences.join('\n') ? '' : left.join('\n').trim()
}

/** Whether a context repeats a message; `text` is the memory of that message. */
export function isContextOf(context: string, content: string | undefined, text: string): boolean {
  if (content !== undefined && context === content.slice(-MAX_CONTEXT)) return true
  return splitSentences(text).some((sentence) => context.includes(sentence))
}

function contextOf(before: CandidateOptions['saidBefore'], at: number, now: number): string | null {
  if (before === null || Math.abs(at - (before.at ?? now)) > MAX_PAUSE_MS) return null
  return before.content.slice(-MAX_CONTEXT)
}
