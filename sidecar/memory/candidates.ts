import type { Role, Source } from './memory.ts'
import { memoryId } from './model/identity.ts'
import { toContext } from './model/message-text.ts'
import { withoutRecalled } from './model/recalled.ts'
import { keepVerbatim } from './model/verbatim.ts'
import type { Turn } from './turns.ts'

/** A text of a turn that is worth remembering. */
export interface Candidate {
  /** Derived from scope, speaker and normalised text: the same statement gets the same memory. */
  id: string
  text: string
  role: Role
  speaker: string
  context: string | null
  source: Source
}

/** After a pause of more than this, the message before is no context. */
const MAX_PAUSE_MS = 3_600_000

/** The texts of a turn that are worth remembering, each once. `before` is the last message of the previous turn. */
export function candidatesOf(
  turn: Turn,
  { scope, before, now }: { scope: string; before: { content: string; at: number } | null; now: number },
): Candidate[] {
  const { id: turn_id, conversation_id, agent_id, run_id, remember } = turn
  const candidates = new Map<string, Candidate>()
  let previous = before
  for (const [ordinal, message] of turn.messages.entries()) {
    const { role, name, at = now } = message
    // Without this, an answer that repeats recalled memories would create them again.
    const content = withoutRecalled(message.content)
    const speaker = name ?? role
    const context =
      previous && Math.abs(at - previous.at) <= MAX_PAUSE_MS ? toContext(previous.content) : null
    const source = { turn_id, conversation_id, turn: turn.turn, ordinal, at }
    const texts = remember === 'both' || remember === role ? keepVerbatim({ role, content }) : []
    for (const text of texts) {
      const id = memoryId(scope, { agent_id, run_id, speaker, text })
      if (!candidates.has(id)) candidates.set(id, { id, text, role, speaker, context, source })
    }
    previous = { content, at }
  }
  return [...candidates.values()]
}
