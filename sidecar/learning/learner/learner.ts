import type { MemoryEngine } from '../../memory/engine/engine.ts'
import type { UnitOfWork } from '../../memory/engine/unit-of-work.ts'
import type { Graph } from '../../memory/graph/types.ts'
import type { MemoryGraph } from '../../memory/model/graph.ts'
import type { Memory, Source } from '../../memory/model/memory.ts'
import { type Scope, scopeKey } from '../../memory/model/scope.ts'
import { saidAt, type Turn } from '../../memory/model/turns.ts'
import { removePending } from '../../memory/repositories/pending.ts'
import { getConversation, getTurn, putConversation, putTurn } from '../../memory/repositories/turns.ts'
import type { RuleBook } from '../../memory/rules/rule-book.ts'
import type { Embedder } from '../../ports/embedder.ts'
import { type Account, type LanguageModel, ModelUnavailable } from '../../ports/language-model.ts'
import type { RecordStore } from '../../ports/records.ts'
import { isQuestion, splitSentences } from '../../text/sentences.ts'
import { PROMPT_VERSION } from '../extraction/prompt.ts'
import type { Fact, FactSource } from '../extraction/types.ts'
import { reconcile } from '../reconcile/reconcile.ts'
import type { Decision } from '../reconcile/types.ts'
import { applyDecisions } from './apply.ts'
import { allowedSources } from './apply-fact.ts'
import { graphsOf } from './fact-graph.ts'
import { type FindNeighbours, neighboursIn } from './neighbours.ts'
import { type LearnOutcome, StaleDecisions, toLater } from './outcome.ts'
import { readBatch } from './read-batch.ts'
import { readFacts } from './read-facts.ts'
import { resolveNames } from './resolve-names.ts'
import { type ApplyContext, type Learned, type TurnEvent, turnsOf } from './types.ts'

export interface LearnerOptions {
  records: RecordStore
  embedder: Embedder
  engine: MemoryEngine
  model: LanguageModel
  ruleBook: RuleBook
  findNeighbours: FindNeighbours
  countTokens: (text: string) => number
  /** The entities that new names are compared with; absent: names are compared by their letters only. */
  readNames?: ((scope: string) => Promise<Graph>) | undefined
}

export interface LearnOptions {
  signal?: AbortSignal | undefined
  /** The flush trigger, stored with the turns. */
  trigger?: string | null
}

/** Attempts per batch while the memories change during the model calls. */
const MAX_ATTEMPTS = 3

/** Turns → facts → decisions → memories. Model calls run outside the lock of the scope. */
export class Learner {
  readonly #options: LearnerOptions

  constructor(options: LearnerOptions) {
    this.#options = options
  }

  /** Extracts memories from a batch and stores them atomically. A failure of the model is the outcome `later`. */
  async learn(scope: Scope, turnIds: readonly string[], options: LearnOptions = {}): Promise<LearnOutcome> {
    for (let attempt = 1; ; attempt++) {
      try {
        return { status: 'learned', events: await this.#learn(scope, turnIds, options) }
      } catch (error) {
        if (error instanceof StaleDecisions && attempt < MAX_ATTEMPTS) continue
        const later = toLater(error)
        if (later) return later
        throw error
      }
    }
  }

  async #learn(
    scope: Scope,
    turnIds: readonly string[],
    { signal, trigger = null }: LearnOptions,
  ): Promise<TurnEvent[]> {
    const { records, engine, model, ruleBook, countTokens } = this.#options
    const key = scopeKey(scope)
    const batch = await readBatch(records, key, turnIds)
    const [first] = batch.turns
    if (!first) return []
    const { rules } = await ruleBook.inForce(scope.namespace, first.app_id)
    const last = batch.turns.at(-1) as Turn
    const account: Account = { scope: key, conversationId: first.conversation_id, turn: last.turn }

    const extraction = await readFacts(batch, rules, { model, countTokens, account, signal })
    const learnedGraphs = graphsOf(extraction, batch.turns, last.updated_at)
    await this.#resolveNames(key, learnedGraphs, { account, signal, now: last.updated_at })
    const embedded = await this.#withVectors(extraction.facts, batch.turns, account, signal)
    const facts = embedded.map((one, i): Learned => ({ ...one, graph: learnedGraphs[i] ?? {} }))
    const seen = new Map<string, number>()
    const neighboursOf = neighboursIn(records, key, this.#options.findNeighbours, comparableTo(first), seen)
    const decisions = await reconcile(facts.map(toNewFact), { neighboursOf, model, account, signal })

    const apply = async (unit: UnitOfWork) => {
      const turns = await this.#stillPending(key, batch.turns)
      const context = { turns, learned: facts, rules, model: model.kind, promptVersion: PROMPT_VERSION }
      await assertUnchanged(unit, decisions, seen, context)
      for (const turn of turns) await replacePending(unit, turn)
      const events = await applyDecisions(unit, decisions, context)
      if (facts.some((learned) => mayBeUnseen(learned, turns))) unit.requireFence()
      for (const turn of turns) {
        const learned = { because: trigger, at: unit.now }
        const done = { ...turn, state: 'done' as const, learned, updated_at: unit.now }
        unit.addWrites(putTurn(key, done), removePending(key, turn.id))
      }
      if (batch.conversation) {
        const { id, last_turn } =
          (await getConversation(records, key, batch.conversation.id)) ?? batch.conversation
        unit.addWrites(putConversation(key, { id, last_turn, summary: extraction.summary }, unit.now))
      }
      return events
    }
    return await engine.change(key, apply)
  }

  async #resolveNames(
    scope: string,
    graphs: readonly MemoryGraph[],
    options: { account: Account; signal: AbortSignal | undefined; now: number },
  ): Promise<void> {
    const { readNames, embedder } = this.#options
    if (!readNames || graphs.every(({ mentions = [] }) => mentions.length === 0)) return
    if (!this.#isReachable(scope)) return
    await resolveNames(graphs, await readNames(scope), embedder, options)
  }

  async #withVectors(
    facts: readonly Fact[],
    turns: readonly Turn[],
    account: Account,
    signal: AbortSignal | undefined,
  ): Promise<Omit<Learned, 'graph'>[]> {
    if (facts.length === 0) return []
    const { embedder } = this.#options
    const texts = facts.map(({ text }) => text)
    const vectors = this.#isReachable(account.scope)
      ? await embedder.embed(texts, 'document', signal, account)
      : texts.map(() => new Float32Array(0))
    return facts.map((fact, i) => {
      // The embedder refuses the text, or no client embeds it now: the fact is compared by its words.
      const dense = vectors[i]?.length === 0 ? new Float32Array(embedder.dimensions) : vectors[i]
      // A stored vector of another length would make every search of the scope fail.
      if (dense?.length !== embedder.dimensions) {
        const got = dense ? `one of ${dense.length}` : 'none'
        const message = `Expected an embedding of ${embedder.dimensions} dimensions from ${embedder.name}, got ${got}`
        throw new ModelUnavailable('bad_answer', message)
      }
      const sources = fact.source.map((place) => toSource(place, turns)).sort((a, b) => a.at - b.at)
      return { fact, dense, sources }
    })
  }

  /** An extraction that is paid for is not repeated until a client can embed. */
  #isReachable(scope: string): boolean {
    return this.#options.embedder.isReachable?.(scope) ?? true
  }

  /** The turns as they are stored, unless one was posted again, erased or extracted since it was read. */
  async #stillPending(scope: string, read: readonly Turn[]): Promise<Turn[]> {
    return await Promise.all(
      read.map(async ({ id, revision }) => {
        const turn = await getTurn(this.#options.records, scope, id)
        if (!turn || turn.revision !== revision || turn.state === 'done') throw new StaleDecisions()
        const { memory_ids, removed_ids } = turn
        return { ...turn, memory_ids: [...memory_ids], removed_ids: [...removed_ids], effects: [] }
      }),
    )
  }
}

/** Only memories of the same agent and run are compared, and no pending ones. */
function comparableTo(turn: Turn): (memory: Memory) => boolean {
  return ({ kind, agent_id, run_id }) =>
    kind !== 'pending' && agent_id === turn.agent_id && run_id === turn.run_id
}

/** A target that was deleted and is only repeated stays deleted; any other change of a target needs new decisions. */
async function assertUnchanged(
  unit: UnitOfWork,
  decisions: readonly Decision[],
  seen: ReadonlyMap<string, number>,
  { turns, learned }: Pick<ApplyContext, 'turns' | 'learned'>,
): Promise<void> {
  for (const decision of decisions) {
    if (decision.event === 'ADD' || decision.target === null) continue
    const held = await unit.find(decision.target)
    if (held && held.memory.version === seen.get(decision.target)) continue
    const statedIn = turnsOf(learned[decision.fact] as Learned, turns)
    const staysDeleted =
      decision.event === 'NOOP' &&
      !held &&
      (await allowedSources(unit, decision.target, statedIn)).length === 0
    if (!staysDeleted) throw new StaleDecisions()
  }
}

/** Removes the pending memories of a turn, which the extracted memories replace. */
async function replacePending(unit: UnitOfWork, turn: Turn): Promise<void> {
  for (const id of turn.memory_ids) {
    const held = await unit.find(id)
    if (held?.memory.kind === 'pending') unit.replacePending(id)
  }
  turn.memory_ids = []
}

function toSource({ turnId, ordinal }: FactSource, turns: readonly Turn[]): Source {
  const turn = turns.find(({ id }) => id === turnId) as Turn
  const message = turn.messages[ordinal]
  const time = message ? saidAt(message, turn) : { at: turn.created_at }
  return { turn_id: turnId, conversation_id: turn.conversation_id, turn: turn.turn, ordinal, ...time }
}

function toNewFact({ fact, dense, sources }: Omit<Learned, 'graph'>) {
  const { at = 0, utc_offset } = sources.at(-1) ?? {}
  return { ...fact, at, utc_offset, dense }
}

/** Whether a fact may come from a question, which was not recallable while the turn was pending. */
function mayBeUnseen({ sources }: Pick<Learned, 'sources'>, turns: readonly Turn[]): boolean {
  return sources.some(({ turn_id, ordinal }) => {
    const content = turns.find(({ id }) => id === turn_id)?.messages[ordinal]?.content ?? ''
    return splitSentences(content).some(isQuestion)
  })
}
