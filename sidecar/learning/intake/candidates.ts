import { legacyMemoryIdOf, memoryIdOf, type Role, type Source } from '../../memory/model/memory.ts'
import { saidAt, type Turn } from '../../memory/model/turns.ts'
import { isPhatic } from '../../text/cleaning/phatic.ts'
import { toContext } from '../../text/message-text.ts'
import { removeRecalled } from '../../text/recalled.ts'
import { isQuestion } from '../../text/sentences.ts'
import { keepVerbatim } from '../../text/verbatim.ts'
import { offloaded, totalLength } from '../../text/workers/worker-pool.ts'

/** A text of a turn that is worth remembering. */
export interface Candidate {
  /** As `memoryIdOf` derives it. */
  id: string
  legacyId: string
  text: string
  role: Role
  speaker: string
  context: string | null
  source: Source
}

/** After a pause of more than this, the message before is no context. */
const MAX_PAUSE_MS = 3_600_000

export interface CandidateInput {
  turn: Pick<
    Turn,
    'id' | 'conversation_id' | 'turn' | 'agent_id' | 'run_id' | 'remember' | 'messages' | 'time_zone'
  >
  scope: string
  /** The last message of the previous turn, if known. */
  before: { content: string; at: number } | null
  /** Time of messages that have none of their own, epoch milliseconds. */
  now: number
}

/** `collectCandidates`, in a worker thread when there is much text. */
export const candidatesOf = offloaded(import.meta.url, collectCandidates, ({ turn }) =>
  totalLength(turn.messages.map(({ content }) => content)),
)

/** The texts of a turn that are worth remembering, each once. */
export function collectCandidates({ turn, scope, before, now }: CandidateInput): Candidate[] {
  const { id: turn_id, conversation_id, agent_id, run_id, remember } = turn
  const candidates = new Map<string, Candidate>()
  let previous = before
  for (const [ordinal, message] of turn.messages.entries()) {
    const { role, name } = message
    const time = saidAt(message, { created_at: now, time_zone: turn.time_zone })
    // Recalled memories that an answer repeats must not be remembered again.
    const content = removeRecalled(message.content)
    const speaker = name ?? role
    const context =
      previous && Math.abs(time.at - previous.at) <= MAX_PAUSE_MS ? toContext(previous.content) : null
    const source = { turn_id, conversation_id, turn: turn.turn, ordinal, ...time }
    const answersQuestion = previous !== null && isQuestion(previous.content)
    const isKept = (remember === 'both' || remember === role) && !isPhatic(content, { answersQuestion })
    const texts = isKept ? keepVerbatim({ role, content }) : []
    for (const text of texts) {
      const statement = { agent_id, run_id, speaker, text }
      const id = memoryIdOf(scope, statement)
      const legacyId = legacyMemoryIdOf(scope, statement)
      if (!candidates.has(id)) candidates.set(id, { id, legacyId, text, role, speaker, context, source })
    }
    previous = { content, at: time.at }
  }
  return [...candidates.values()]
}
