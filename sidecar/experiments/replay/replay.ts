import { parseScopeKey, scopeKey } from '../../memory/model/scope.ts'
import type { OnInvalidRecord } from '../../memory/repositories/record.ts'
import { type RecordStore, scopesOf } from '../../ports/records.ts'
import type { ReplayEngines } from './engine.ts'
import { type ReplayOptions, settingKey, settingsOf } from './options.ts'
import { readPast, readPastTurns } from './past.ts'
import { isSelected, type OnMeasured, replayUser } from './replay-user.ts'
import { addTally, emptyTally, type Tally } from './tally.ts'

export interface ReplayRun {
  /** The store that is replayed; only read. */
  source: RecordStore
  engines: ReplayEngines
  onInvalidRecord?: OnInvalidRecord | undefined
  /** Called after each turn with the number of completed turns and of all. */
  onProgress?: ((done: number, total: number) => void) | undefined
  /** Awaited after each turn, so that a sidecar can serve requests. */
  pause?: (() => Promise<void>) | undefined
  signal?: AbortSignal | undefined
  onMeasured?: OnMeasured | undefined
  /** Users that an interrupted run completed, by scope; stores each completed user. */
  checkpoint?: Checkpoint | undefined
}

export interface Checkpoint {
  get(scope: string): Tally | undefined
  add(scope: string, tally: Tally): void
}

/**
 * Answers every stored turn with every setting, as of that turn. Writes nothing to the store and calls no model.
 * Users are independent of each other; one is held in memory at a time.
 *
 * @throws the reason of `signal` when it is aborted
 */
export async function replay(options: ReplayOptions, run: ReplayRun): Promise<Tally> {
  const { source, engines, onInvalidRecord, onProgress, pause, signal, checkpoint, onMeasured } = run
  const sums = emptyTally(settingsOf(options).map(settingKey))
  const counts = await countTurns(options, run)
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
  let done = 0
  onProgress?.(done, total)
  for (const [scope, count] of counts) {
    signal?.throwIfAborted()
    let tally = checkpoint?.get(scope)
    if (!tally) {
      const past = await readPast(source, scope, onInvalidRecord)
      await using engine = await engines.open()
      let asked = 0
      const onTurn = async () => {
        asked += 1
        onProgress?.(done + Math.min(asked, count), total)
        await pause?.()
        signal?.throwIfAborted()
      }
      tally = await replayUser({ source, scopeKey: scope, past, engine, options, onTurn, onMeasured })
      checkpoint?.add(scope, tally)
    }
    addTally(sums, tally)
    done += count
    onProgress?.(done, total)
  }
  return sums
}

/** The number of turns to replay by scope, for scopes that have any. */
async function countTurns(
  options: ReplayOptions,
  { source, onInvalidRecord, signal }: ReplayRun,
): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  for await (const scope of wantedScopes(options, source)) {
    signal?.throwIfAborted()
    const turns = await readPastTurns(source, scope, onInvalidRecord)
    const count = turns.filter((turn) => isSelected(turn, options)).length
    if (count > 0) counts.set(scope, count)
  }
  return counts
}

async function* wantedScopes({ namespace, userId }: ReplayOptions, source: RecordStore) {
  if (namespace !== undefined && userId !== undefined) {
    yield scopeKey({ namespace, userId })
    return
  }
  for await (const scope of scopesOf(source, 'turns')) {
    const parsed = parseScopeKey(scope)
    if (namespace !== undefined && parsed.namespace !== namespace) continue
    if (userId !== undefined && parsed.userId !== userId) continue
    yield scope
  }
}
