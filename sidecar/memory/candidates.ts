import { splitSentences } from '../text/sentences.ts'
import type { Role, Source } from './memory.ts'
import { memoryId } from './model/identity.ts'
import { withoutRecalled } from './model/recalled.ts'
import { keepVerbatim } from './model/verbatim.ts'
import type { Message, Remember } from './turns.ts'

/** A text that one turn says and that is worth remembering, before it is known whether it is new. */
export interface Candidate {
  /** Derived from scope, speaker and normalised text: the same thing said twice is the same memory. */
  id: string
  text: string
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
  /** The last message of the turn before, if it is known. */
  saidBefore: Pick<Message, 'content' | 'at'> | null
  source: Pick<Source, 'turn_id' | 'conversation_id' | 'turn'>
  /** Epoch milliseconds for messages that carry no time. */
  now: number
}

/** After a longer pause than this, in milliseconds, what was said before is not what a message answers. */
const MAX_PAUSE_MS = 3_600_000

/** Longest context kept beside a memory, in characters: enough for a question, not a second memory. */
const MAX_CONTEXT = 500

/** What is worth remembering of the messages of a turn, each text once. */
export function candidatesOf(messages: readonly Message[], options: CandidateOptions): Candidate[] {
  const { scope, agentId: agent_id, runId: run_id, remember, source, now } = options
  const candidates = new Map<string, Candidate>()
  let before = options.saidBefore
  for (const [ordinal, message] of messages.entries()) {
    const { role, name, at = now } = message
    // An answer that repeats what was recalled for it would be remembered as if it had been said.
    const content = withoutRecalled(message.content)
    const speaker = name ?? role
    if (role !== 'system' && (remember === 'both' || remember === role)) {
      for (const text of keepVerbatim({ role, content, ...(name === undefined ? {} : { name }) })) {
        const id = memoryId(scope, { agent_id, run_id, speaker, text })
        const context = contextOf(before, at, now)
        if (!candidates.has(id)) {
          candidates.set(id, { id, text, role, speaker, context, source: { ...source, ordinal, at } })
        }
      }
    }
    before = { content, at }
  }
  return [...candidates.values()]
}

/** A message without one of the texts that were kept of it. */
export function withoutText(content: string, text: string): string {
  const sentences = splitSentences(content)
  const left = sentences.filter((one) => !text.includes(one)).map((one) => one.replaceAll(text, '').trim())
  // Where the text cannot be told from the rest, none of it stays.
  return left.join('\n') === sentences.join('\n') ? '' : left.join('\n').trim()
}

/** Whether a context is, or holds, what a message said; `text` is what was kept of it. */
export function isContextOf(context: string, content: string | undefined, text: string): boolean {
  if (content !== undefined && context === content.slice(-MAX_CONTEXT)) return true
  return splitSentences(text).some((sentence) => context.includes(sentence))
}

function contextOf(before: CandidateOptions['saidBefore'], at: number, now: number): string | null {
  if (before === null || Math.abs(at - (before.at ?? now)) > MAX_PAUSE_MS) return null
  return before.content.slice(-MAX_CONTEXT)
}
