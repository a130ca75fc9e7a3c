import { lexicalEmbedder } from '../adapters/in-process/lexical-embedder.ts'
import { createInProcessScopeState } from '../adapters/in-process/scope-state.ts'
import { SqliteClient } from '../adapters/sqlite/client.ts'
import { openSqliteRecords } from '../adapters/sqlite/records.ts'
import type { ReplayEngine, ReplayEngines } from '../experiments/replay/engine.ts'
import type { RuleBook } from '../memory/rules/rule-book.ts'
import type { Embedder } from '../ports/embedder.ts'
import { Profiles } from '../retrieval/profile/profiles.ts'
import { DEFAULT_SETTINGS, NEURAL_SETTINGS } from '../retrieval/ranking/settings.ts'
import { Recall } from '../retrieval/recall.ts'
import { createStrategies } from '../retrieval/strategies/create.ts'
import type { Config } from './config.ts'

/** Milliseconds. Long, because a fallback would not show what the strategy answers. */
const DEADLINE_MS = 60_000
/** Limits for the blocks of one user. */
const SCOPE_STATE = { maxEntries: 10_000, maxBytes: 64 * 1024 * 1024 }

export interface ReplayEnginesOptions {
  /** The rules in the store that is replayed. */
  ruleBook: RuleBook
  /** Name and dimensions of a remote embedder, which is never called. Absent: the lexical embedder. */
  remoteEmbedder?: Pick<Embedder, 'name' | 'dimensions'> | undefined
  /** Whether a language model extracts facts. */
  learns: boolean
}

/** Engines for the store of a configuration. */
export function replayEnginesOf(
  { embedding, languageModel }: Pick<Config, 'embedding' | 'languageModel'>,
  ruleBook: RuleBook,
  embedder: Pick<Embedder, 'name' | 'dimensions'>,
): ReplayEngines {
  const remoteEmbedder = embedding === undefined ? undefined : embedder
  return createReplayEngines({ ruleBook, remoteEmbedder, learns: languageModel !== undefined })
}

/** Engines with stores in memory, which share one SQLite thread. */
export function createReplayEngines({
  ruleBook,
  remoteEmbedder,
  learns,
}: ReplayEnginesOptions): ReplayEngines {
  const client = new SqliteClient()
  return {
    async open(): Promise<ReplayEngine> {
      let moment: Parameters<ReplayEngine['setMoment']>[0] = { now: 0, queryVector: undefined }
      const now = () => moment.now
      const records = openSqliteRecords(':memory:', { client })
      const scopeState = createInProcessScopeState({ ...SCOPE_STATE, now })
      const embedder = remoteEmbedder
        ? storedVectors(remoteEmbedder, () => moment.queryVector)
        : lexicalEmbedder()
      const recall = new Recall({
        records,
        embedder,
        embeddingDeadlineMs: DEADLINE_MS,
        settings: remoteEmbedder ? NEURAL_SETTINGS : DEFAULT_SETTINGS,
        now,
        timeZoneOf: async (namespace, appId) => (await ruleBook.inForce(namespace, appId)).rules.time_zone,
      })
      const profiles = new Profiles({ records, ruleBook, learns, now })
      const strategies = createStrategies(
        {
          recall,
          profile: (scope, request) => profiles.readText(scope, request),
          profilePacker: (scope, appId) => profiles.packer(scope, appId),
          records,
          scopeState,
          hasPendingNotices: () => false,
          onAnswer: () => {},
          onRecall: () => {},
          now,
        },
        { deadlineMs: DEADLINE_MS },
      )
      return {
        records,
        scopeState,
        strategies,
        embedsQueries: !remoteEmbedder,
        setMoment: (next) => {
          moment = next
        },
        async [Symbol.asyncDispose]() {
          await records.close()
          await scopeState.close()
        },
      }
    },
    async [Symbol.asyncDispose]() {
      await client.worker.terminate()
    },
  }
}

/** Returns the stored embedding of the query. Without one it fails, so that the ranking uses words only. */
function storedVectors(
  { name, dimensions }: Pick<Embedder, 'name' | 'dimensions'>,
  vector: () => Float32Array | undefined,
): Embedder {
  return {
    name,
    dimensions,
    async embed() {
      const known = vector()
      if (!known) throw new Error('a replay calls no model')
      return [known]
    },
  }
}
