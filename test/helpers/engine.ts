import { expect, onTestFinished } from 'vitest'
import { lexicalEmbedder } from '../../sidecar/adapters/in-process/lexical-embedder.ts'
import { createInProcessScopeLock } from '../../sidecar/adapters/in-process/lock.ts'
import { type AddRequest, type AddResult, addTurn } from '../../sidecar/learning/intake/add-turn.ts'
import { Learner } from '../../sidecar/learning/learner/learner.ts'
import { MemoryEngine } from '../../sidecar/memory/engine/engine.ts'
import type { Memory } from '../../sidecar/memory/model/memory.ts'
import { type Scope, scopeKey } from '../../sidecar/memory/model/scope.ts'
import type { OnInvalidRecord } from '../../sidecar/memory/repositories/record.ts'
import { RuleBook } from '../../sidecar/memory/rules/rule-book.ts'
import type { Embedder } from '../../sidecar/ports/embedder.ts'
import type { CompletionRequest, LanguageModel } from '../../sidecar/ports/language-model.ts'
import {
  type Collection,
  type RecordStore,
  type StoredRecord,
  scrollAll,
} from '../../sidecar/ports/records.ts'
import { Recall } from '../../sidecar/retrieval/recall.ts'
import { type Clock, stoppedClock } from './clock.ts'
import { type FactTable, memoryModel } from './memory-model.ts'
import type { ScriptedRequest } from './scripted-openai/rules.ts'
import { openMemoryRecords } from './sqlite.ts'

export const ADA: Scope = { namespace: 'default', userId: 'ada' }

const COLLECTIONS: readonly Collection[] = [
  'turns',
  'memories',
  'versions',
  'history',
  'conversations',
  'calls',
  'graph',
]

export interface OpenOptions {
  facts?: FactTable
  embedder?: Embedder
  /** Wraps the real store. */
  wrapRecords?: (records: RecordStore) => RecordStore
  onInvalidRecord?: OnInvalidRecord
}

export interface OpenEngine {
  clock: Clock
  records: RecordStore
  engine: MemoryEngine
  recall: Recall
  learner: Learner
  /** The requests to the model. */
  asked: CompletionRequest[]
  /** Adds a turn of conversation `c` verbatim, after a minute. */
  say: (turn: number, words: string | readonly string[], rest?: Partial<AddRequest>) => Promise<AddResult>
  /** Adds a turn as pending. */
  hear: (turn: number, words: string | readonly string[], rest?: Partial<AddRequest>) => Promise<AddResult>
  /** Adds a turn and extracts it. */
  learn: (turn: number, words: string | readonly string[], rest?: Partial<AddRequest>) => Promise<AddResult>
  all: () => Promise<Memory[]>
  texts: () => Promise<string[]>
  /** Texts that were valid at a time. */
  textsAt: (at: number) => Promise<string[]>
  /** The only memory with this text. */
  known: (text: string) => Promise<Memory>
  /** All records of a user by collection. */
  dump: (scope?: Scope) => Promise<Record<string, StoredRecord[]>>
}

/** Engine, recall and learner on an in-memory SQLite store, which is closed with the test. */
export function openEngine({
  facts = {},
  wrapRecords = (one) => one,
  onInvalidRecord,
  ...rest
}: OpenOptions = {}): OpenEngine {
  const { embedder = lexicalEmbedder() } = rest
  const clock = stoppedClock()
  const opened = openMemoryRecords()
  onTestFinished(() => opened.close())
  const records = wrapRecords(opened)
  const engine = new MemoryEngine({
    records,
    lock: createInProcessScopeLock(),
    embedder,
    onChange: async () => {},
    onInvalidRecord,
    now: clock.now,
  })
  const recall = new Recall({
    records,
    embedder,
    embeddingDeadlineMs: 5000,
    onInvalidRecord,
    now: clock.now,
  })
  const asked: CompletionRequest[] = []
  const learner = new Learner({
    records,
    embedder,
    engine,
    model: inProcess(facts, asked),
    ruleBook: new RuleBook({ records, lock: createInProcessScopeLock(), now: clock.now }),
    findNeighbours: (scope, query) => recall.findSimilar(scope, query),
    countTokens: (text) => Math.ceil(text.length / 4),
  })
  const post = async (
    learn: boolean,
    turn: number,
    words: string | readonly string[],
    more: Partial<AddRequest> = {},
  ) => {
    clock.advance(60_000)
    const messages = [words].flat().map((content) => ({ role: 'user' as const, name: 'Ada', content }))
    const request = { conversationId: 'c', turn, messages, ...more }
    return await addTurn(engine, ADA, request, { learn, expiresAt: null, countTokens: () => 1 })
  }
  const all = async () => (await engine.list(ADA, { limit: 10_000, accept: () => true })).memories
  return {
    clock,
    records,
    engine,
    recall,
    learner,
    asked,
    say: (turn, words, more) => post(false, turn, words, more),
    hear: (turn, words, more) => post(true, turn, words, more),
    async learn(turn, words, more) {
      const added = await post(true, turn, words, more)
      if (added.pending) {
        expect(await learner.learn(ADA, [added.turnId])).toMatchObject({ status: 'learned' })
      }
      return added
    },
    all,
    texts: async () => (await all()).map(({ text }) => text).sort(),
    textsAt: async (at) =>
      (await engine.listAsOf(ADA, at, { limit: 10_000, accept: () => true })).memories
        .map(({ memory }) => memory.text)
        .sort(),
    async known(text) {
      const found = (await all()).filter((memory) => memory.text === text)
      expect(found).toHaveLength(1)
      return found[0] as Memory
    },
    async dump(scope = ADA) {
      const held: Record<string, StoredRecord[]> = {}
      for (const collection of COLLECTIONS)
        held[collection] = await Array.fromAsync(scrollAll(opened, collection, scopeKey(scope)))
      return held
    },
  }
}

/** The table-driven model as a port, without HTTP. */
function inProcess(facts: FactTable, asked: CompletionRequest[]): LanguageModel {
  const answer = memoryModel(facts)
  return {
    kind: 'in-process',
    async complete(request) {
      asked.push(request)
      const last = request.messages.at(-1)?.content ?? ''
      const tools = request.tools?.map(({ name }) => ({ function: { name } }))
      const said = answer({ last, body: { tools } } as ScriptedRequest)
      const { content = '', calls = [] } = typeof said === 'string' ? { content: said } : said
      return {
        text: content,
        calls: calls.map((call) => ({ name: call.name, arguments: JSON.stringify(call.arguments) })),
        finish: 'stop',
        model: 'table',
      }
    },
  }
}
