import type { Memory } from '../../memory/model/memory.ts'
import { NO_TURN } from '../../memory/model/turns.ts'
import { getMemoryRecord, putMemory, readMemory, removeMemory } from '../../memory/repositories/memories.ts'
import { putConversation, putTurn } from '../../memory/repositories/turns.ts'
import { getPastVersion } from '../../memory/repositories/versions.ts'
import { searchEntriesOf } from '../../memory/search/entry.ts'
import type { RecordStore, SearchEntry, Write } from '../../ports/records.ts'
import { GroundingIndex } from '../grounding/grounding-index.ts'
import type { ReplayEngine } from './engine.ts'
import type { Change, Past, PastTurn } from './past.ts'

/** Writes per commit while the turns before the first replayed turn are applied. */
const MAX_WRITES = 500

export interface ReplayedStoreOptions {
  /** The store that is replayed; only read. */
  source: Pick<RecordStore, 'get'>
  scope: string
  past: Past
  engine: Pick<ReplayEngine, 'records' | 'scopeState'>
}

/** Restores in a temporary store what the user's store held before each turn, turn by turn. */
export class ReplayedStore {
  readonly grounding = new GroundingIndex()
  readonly #options: ReplayedStoreOptions
  /** Position of the next turn to apply. */
  #position = 0
  #nextChange = 0
  readonly #versions = new Map<string, number>()
  readonly #lastTurns = new Map<string, number>()

  constructor(options: ReplayedStoreOptions) {
    this.#options = options
  }

  /** Applies all changes before the turn at a position. Positions must ascend. */
  async advanceTo(position: number): Promise<void> {
    const { past, scope, engine } = this.#options
    let writes: Write[] = []
    let [isChanged, isFenced] = [false, false]
    const commit = async () => {
      if (writes.length > 0) await engine.records.commit(writes)
      writes = []
    }
    for (; this.#position < position; this.#position++) {
      isFenced = this.#addTurn(past.turns[this.#position] as PastTurn, writes) || isFenced
      isChanged = true
      if (writes.length >= MAX_WRITES) await commit()
    }
    for (let change = this.#next(position); change; change = this.#next(position)) {
      const applied = await this.#apply(change, position)
      writes.push(...applied.writes)
      isFenced ||= applied.isFence
      isChanged ||= applied.writes.length > 0
      if (writes.length >= MAX_WRITES) await commit()
    }
    await commit()
    if (isChanged) await engine.scopeState.bump(scope, isFenced ? 'fence' : 'epoch')
  }

  /** A memory as it is visible now. */
  async find(id: string): Promise<Memory | undefined> {
    const record = await this.#options.engine.records.get('memories', this.#options.scope, id)
    return record && readMemory(record).memory
  }

  #next(position: number): Change | undefined {
    const change = this.#options.past.changes[this.#nextChange]
    if (!change || change.after >= position) return undefined
    this.#nextChange++
    return change
  }

  /** Returns whether the turn is not the latest of its conversation. */
  #addTurn({ id, conversationId, turn, saidAt }: PastTurn, writes: Write[]): boolean {
    if (conversationId === null || turn === null) return false
    const { scope } = this.#options
    const lastTurn = this.#lastTurns.get(conversationId) ?? NO_TURN
    const last = Math.max(lastTurn, turn)
    this.#lastTurns.set(conversationId, last)
    writes.push(
      // Without messages: only the existence of the turn is read.
      putTurn(scope, emptyTurn(id, conversationId, turn, saidAt)),
      putConversation(scope, { id: conversationId, last_turn: last, summary: '' }, saidAt),
    )
    return turn <= lastTurn
  }

  async #apply(
    { memoryId, version }: Change,
    position: number,
  ): Promise<{ writes: Write[]; isFence: boolean }> {
    const known = this.#versions.get(memoryId)
    if (version === null) {
      if (known === undefined) return { writes: [], isFence: false }
      this.#versions.delete(memoryId)
      this.grounding.remove(memoryId)
      return { writes: [removeMemory(this.#options.scope, memoryId)], isFence: true }
    }
    const found = await this.#read(memoryId, version)
    if (!found) return { writes: [], isFence: false }
    const memory = this.#withoutLaterSources(found.memory, position)
    const isSameStart = memory.sources[0] === found.memory.sources[0]
    const search = (isSameStart && found.search) || ((await searchEntriesOf([memory]))[0] as SearchEntry)
    this.#versions.set(memoryId, version)
    this.grounding.add(memory)
    return {
      writes: [putMemory(this.#options.scope, memory, { dense: found.dense, search })],
      isFence: known !== undefined && known !== version,
    }
  }

  async #read(id: string, version: number) {
    const { source, scope } = this.#options
    const record = await getMemoryRecord(source, scope, id)
    if (record?.memory.version === version) return record
    const past = await getPastVersion(source, scope, id, version)
    return past && { memory: past.past.memory, dense: past.dense, search: undefined }
  }

  #withoutLaterSources(memory: Memory, position: number): Memory {
    const { positions } = this.#options.past
    const sources = memory.sources.filter(({ turn_id }) => (positions.get(turn_id) ?? -1) < position)
    return { ...memory, sources: sources.length > 0 ? sources : memory.sources.slice(0, 1) }
  }
}

function emptyTurn(
  id: string,
  conversationId: string,
  turn: number,
  at: number,
): Parameters<typeof putTurn>[1] {
  return {
    ...{ id, conversation_id: conversationId, turn, agent_id: null, run_id: null, app_id: null },
    ...{ metadata: {}, messages: [], remember: 'both', state: 'done', revision: 1 },
    ...{ memory_ids: [], removed_ids: [], effects: [], created_at: at, updated_at: at },
  }
}
