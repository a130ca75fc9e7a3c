import { graphOfText, type MemoryGraph } from '../../memory/model/graph.ts'
import { legacyMemoryIdOf, memoryIdOf, type Role, type Source } from '../../memory/model/memory.ts'
import { saidAt, type Turn } from '../../memory/model/turns.ts'
import { isPhatic } from '../../text/cleaning/phatic.ts'
import { removeRecalled } from '../../text/recalled.ts'
import { answeredQuestion, questionIn } from '../../text/verbatim/answers.ts'
import { toContext } from '../../text/verbatim/message-text.ts'
import { keepVerbatim } from '../../text/verbatim/verbatim.ts'
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
  /** Entities and relations that the text states. */
  graph: MemoryGraph
}

/** After a pause of more than this, the message before is no context. */
const MAX_PAUSE_MS = 3_600_000
/** A short answer may take longer. */
const MAX_ANSWER_PAUSE_MS = 86_400_000

export interface CandidateInput {
  turn: Pick<
    Turn,
    | 'id'
    | 'conversation_id'
    | 'turn'
    | 'agent_id'
    | 'run_id'
    | 'remember'
    | 'messages'
    | 'time_zone'
    | 'unsaid'
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
export function collectCandidates({ turn, scope, before: last, now }: CandidateInput): Candidate[] {
  const { id: turn_id, conversation_id, agent_id, run_id, remember } = turn
  const candidates = new Map<string, Candidate>()
  let previous = last
  for (const [ordinal, message] of turn.messages.entries()) {
    const { role, name } = message
    const time = saidAt(message, { created_at: now, time_zone: turn.time_zone })
    // Recalled memories that an answer repeats must not be remembered again.
    const content = removeRecalled(message.content)
    const speaker = name ?? role
    const pause = previous ? Math.abs(time.at - previous.at) : 0
    const before = previous ? toContext(previous.content) : null
    const answersQuestion = before !== null && pause <= MAX_ANSWER_PAUSE_MS && questionIn(before) !== null
    const source = { turn_id, conversation_id, turn: turn.turn, ordinal, ...time }
    const isKept = (remember === 'both' || remember === role) && !isPhatic(content, { answersQuestion })
    const texts = isKept ? keepVerbatim({ role, content }, { answersQuestion }) : []
    for (const text of texts) {
      const isAnswer = answersQuestion && answeredQuestion({ text, context: before }) !== null
      const context = pause <= MAX_PAUSE_MS || isAnswer ? before : null
      const statement = { agent_id, run_id, speaker, text, context }
      const id = memoryIdOf(scope, statement)
      const legacyId = legacyMemoryIdOf(scope, statement)
      if (candidates.has(id)) continue
      const graph = graphOfText({ text, role, speaker }, now)
      candidates.set(id, { id, legacyId, text, role, speaker, context, source, graph })
    }
    // What was deleted is no context.
    previous = turn.unsaid?.includes(ordinal) ? null : { content, at: time.at }
  }
  return [...candidates.values()]
}
