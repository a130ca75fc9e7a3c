import type { Embedder } from '../../ports/embedder.ts'
import { type Account, type LanguageModel, ModelUnavailable } from '../../ports/language-model.ts'
import type { RecordStore } from '../../ports/records.ts'
import type { RuleBook } from '../../rules/rule-book.ts'
import type { AppRules } from '../../rules/rules.ts'
import { derivedId, type Scope, scopeKey } from '../../scope.ts'
import type { MemoryEvent } from '../add.ts'
import type { MemoryEngine } from '../engine.ts'
import { extract } from '../extract/extract.ts'
import { PROMPT_VERSION } from '../extract/prompt.ts'
import type { Extraction, Fact, FactSource } from '../extract/types.ts'
import type { Memory, Source } from '../memory.ts'
import { removePending } from '../pending.ts'
import { reconcile, UnreadableDecisions } from '../reconcile/reconcile.ts'
import type { Decision } from '../reconcile/types.ts'
import { putConversation, putTurn, readConversation, readTurn, type Turn, toPayload } from '../turns.ts'
import type { UnitOfWork } from '../unit-of-work.ts'
import { applyDecisions, type Learned } from './apply.ts'
import { type FindNeighbours, neighboursIn } from './neighbours.ts'
import { halvesOf, type Part, partsOf } from './parts.ts'
import { type Batch, readBatch, toExtractionRules, toExtractTurn } from './read-batch.ts'

export interface LearnerOptions {
  records: RecordStore
  embedder: Embedder
  engine: MemoryEngine
  model: LanguageModel
  ruleBook: RuleBook
  findNeighbours: FindNeighbours
  countTokens: (text: string) => number
}

/** `later`: nothing was stored, and the turns wait on. `reason` is a stable word; `detail` holds no text of theirs. */
export type LearnOutcome =
  | { status: 'learned'; events: MemoryEvent[] }
  | { status: 'later'; reason: string; detail: string; retryAfterMs?: number | undefined }

/** The state of a scope moved while the model was thinking; what it decided may be wrong by now. */
class Overtaken extends Error {}

/** How often a batch is learned anew because the memories that it was compared with have changed meanwhile. */
const MAX_OVERTAKEN = 3

/** Turns → facts → decisions → memories. The model is asked outside the lock of the scope; only the result needs it. */
export class Learner {
  readonly #options: LearnerOptions

  constructor(options: LearnerOptions) {
    this.#options = options
  }

  /**
   * Learns from turns of one conversation, or from one turn of none: all of them or none.
   * Rejects only for what is nobody's fault but ours or the store's; a model that is away or unreadable is `later`.
   */
  async learn(scope: Scope, turnIds: readonly string[], signal?: AbortSignal): Promise<LearnOutcome> {
    for (let attempt = 1; ; attempt++) {
      try {
        return { status: 'learned', events: await this.#learn(scope, turnIds, signal) }
      } catch (error) {
        if (error instanceof Overtaken && attempt < MAX_OVERTAKEN) continue
        const later = toLater(error)
        if (later) return later
        throw error
      }
    }
  }

  async #learn(scope: Scope, turnIds: readonly string[], signal?: AbortSignal): Promise<MemoryEvent[]> {
    const { records, engine, model, ruleBook } = this.#options
    const key = scopeKey(scope)
    const batch = await readBatch(records, key, turnIds)
    const [first] = batch.turns
    if (!first) return []
    const { rules } = await ruleBook.inForce(scope.namespace, first.app_id)
    const last = batch.turns.at(-1) as Turn
    const account: Account = { scope: key, conversationId: first.conversation_id, turn: last.turn }

    const { extraction, modelName } = await this.#extract(batch, rules, account, signal)
    const facts = await this.#withVectors(extraction.facts, batch.turns, account, signal)
    const seen = new Map<string, number>()
    const neighboursOf = neighboursIn(records, key, this.#options.findNeighbours, comparableTo(first), seen)
    const { decisions } = await reconcile(facts.map(toNewFact), { neighboursOf, model, account, signal })

    return await engine.change(key, async (unit) => {
      const turns = await this.#stillWaiting(key, batch.turns)
      await assertUnchanged(unit, decisions, seen)
      for (const turn of turns) await clearWords(unit, turn)
      const context = { turns, learned: facts, rules, model: modelName, promptVersion: PROMPT_VERSION }
      const events = await applyDecisions(unit, decisions, context)
      for (const turn of turns) {
        unit.also(putTurn(key, { ...turn, state: 'done', updated_at: unit.now }), removePending(key, turn.id))
      }
      if (batch.conversation) {
        const { id, last_turn } =
          (await readConversation(records, key, batch.conversation.id)) ?? batch.conversation
        unit.also(putConversation(key, { id, last_turn, summary: extraction.summary }, unit.now))
      }
      noteGraph(unit, extraction, turns)
      return events
    })
  }

  /** One answer for the whole batch, however many parts the model had to read it in. */
  async #extract(
    batch: Batch,
    rules: AppRules,
    account: Account,
    signal: AbortSignal | undefined,
  ): Promise<{ extraction: Extraction; modelName: string }> {
    const { model, countTokens } = this.#options
    const remember = batch.turns[0]?.remember ?? rules.remember
    const whole: Extraction = {
      facts: [],
      entities: [],
      relations: [],
      summary: batch.conversation?.summary ?? '',
    }
    const queue: Part[] = partsOf(batch.turns.map(toExtractTurn), countTokens)
    let recent = batch.recent
    for (let part = queue.shift(); part; part = queue.shift()) {
      const outcome = await extract(
        { summary: whole.summary, recent, turns: part.turns, rules: toExtractionRules(rules, remember) },
        { model, account, signal },
      )
      if (outcome.status === 'unreadable') {
        const tooMuch = outcome.reason === 'truncated' || outcome.reason === 'too_large'
        const halves = tooMuch ? halvesOf(part) : undefined
        if (!halves) throw new Unreadable(outcome.reason, outcome.detail)
        queue.unshift(...halves)
        continue
      }
      append(whole, outcome.extraction, part)
      recent = part.turns.flatMap(({ messages }) => messages).slice(-10)
    }
    return { extraction: whole, modelName: model.kind }
  }

  async #withVectors(
    facts: readonly Fact[],
    turns: readonly Turn[],
    account: Account,
    signal: AbortSignal | undefined,
  ): Promise<Learned[]> {
    if (facts.length === 0) return []
    const texts = facts.map(({ text }) => text)
    const vectors = await this.#options.embedder.embed(texts, 'document', signal, account)
    return facts.map((fact, i) => ({
      fact,
      dense: vectors[i] as Float32Array,
      sources: fact.source.map((place) => toSource(place, turns)).sort((a, b) => a.at - b.at),
    }))
  }

  /** The turns as they stand, provided that nobody has posted, forgotten or learned from any of them since. */
  async #stillWaiting(scope: string, read: readonly Turn[]): Promise<Turn[]> {
    return await Promise.all(
      read.map(async ({ id, revision }) => {
        const turn = await readTurn(this.#options.records, scope, id)
        if (!turn || turn.revision !== revision || turn.state === 'done') throw new Overtaken()
        return { ...turn, memory_ids: [...turn.memory_ids], effects: [] }
      }),
    )
  }
}

class Unreadable extends Error {
  readonly reason: string

  constructor(reason: string, detail: string) {
    super(detail)
    this.reason = reason
  }
}

function toLater(error: unknown): LearnOutcome | undefined {
  if (error instanceof ModelUnavailable) {
    const { reason, message, retryAfterMs } = error
    return { status: 'later', reason, detail: message, retryAfterMs }
  }
  if (error instanceof Unreadable) return { status: 'later', reason: error.reason, detail: error.message }
  if (error instanceof UnreadableDecisions) {
    return { status: 'later', reason: 'unreadable_decisions', detail: error.message }
  }
  if (error instanceof Overtaken)
    return { status: 'later', reason: 'overtaken', detail: 'the memories changed meanwhile' }
  return undefined
}

/** Only what belongs to the same agent and run is compared, and words that wait are not memories yet. */
function comparableTo(turn: Turn): (memory: Memory) => boolean {
  return ({ kind, agent_id, run_id }) =>
    kind !== 'pending' && agent_id === turn.agent_id && run_id === turn.run_id
}

async function assertUnchanged(
  unit: UnitOfWork,
  decisions: readonly Decision[],
  seen: ReadonlyMap<string, number>,
): Promise<void> {
  for (const decision of decisions) {
    if (decision.event === 'ADD' || decision.target === null) continue
    const held = await unit.find(decision.target)
    if (held?.memory.version !== seen.get(decision.target)) throw new Overtaken()
  }
}

/** The words of a turn made room for what was learned from them. */
async function clearWords(unit: UnitOfWork, turn: Turn): Promise<void> {
  for (const id of turn.memory_ids) {
    const held = await unit.find(id)
    if (held?.memory.kind === 'pending') unit.erase(id)
  }
  turn.memory_ids = []
}

function append(whole: Extraction, read: Extraction, { ordinals }: Part): void {
  const inTurn = <T extends { source: FactSource[] }>(one: T): T => ({
    ...one,
    source: one.source.map(({ turnId, ordinal }) => ({
      turnId,
      ordinal: ordinals.get(turnId)?.[ordinal] ?? ordinal,
    })),
  })
  whole.facts.push(...read.facts.map(inTurn))
  whole.relations.push(...read.relations.map(inTurn))
  whole.entities.push(...read.entities)
  whole.summary = read.summary
}

function toSource({ turnId, ordinal }: FactSource, turns: readonly Turn[]): Source {
  const turn = turns.find(({ id }) => id === turnId) as Turn
  const at = turn.messages[ordinal]?.at ?? turn.created_at
  return { turn_id: turnId, conversation_id: turn.conversation_id, turn: turn.turn, ordinal, at }
}

function toNewFact({ fact, dense, sources }: Learned) {
  const { text, topic, subTopic, speaker, importance, eventDate } = fact
  return { text, topic, subTopic, speaker, importance, eventDate, at: sources.at(-1)?.at ?? 0, dense }
}

/** Entities and relations as they were read, kept with the turns that they come from. */
function noteGraph(unit: UnitOfWork, { entities, relations }: Extraction, turns: readonly Turn[]): void {
  if (entities.length === 0 && relations.length === 0) return
  const turn_ids = turns.map(({ id }) => id)
  const put = {
    id: derivedId('graph', ...turn_ids),
    order: unit.now * 1000,
    payload: toPayload({ turn_ids, entities, relations }),
  }
  unit.also({ put, collection: 'graph', scope: unit.scope })
}
