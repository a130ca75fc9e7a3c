import { progress } from '../lib/progress.ts'
import { PLANTED, type Script } from './facts.ts'
import type { ScriptedModel, Usage } from './model.ts'
import type { SystemUnderTest } from './system.ts'

export interface TurnsMeasured {
  /** Usage of all turns in the median round by prompt tokens. */
  usage: Usage
  /** Latency of `add` at the caller, milliseconds, over all rounds. */
  waitedMs: number[]
  /**
   * Milliseconds per round until all turns are searchable, without the time in which the model was busy. Includes
   * background work: the measurement waits for it after the last turn.
   */
  withoutModelMs: number[]
}

/**
 * Feeds the same turns to each system, `rounds` times, each time from an empty memory, alternating the order.
 *
 * @throws {Error} if a system does not find the fact that only the last turn states
 */
export async function measureTurns(
  systems: readonly SystemUnderTest[],
  { turns }: Script,
  model: ScriptedModel,
  rounds: number,
): Promise<Map<SystemUnderTest, TurnsMeasured>> {
  const usages = new Map<SystemUnderTest, Usage[]>(systems.map((one) => [one, []]))
  const measured = new Map<SystemUnderTest, TurnsMeasured>()
  const bar = progress('turns   ', turns.length * rounds * systems.length)
  for (let round = 0; round < rounds; round++) {
    for (const subject of round % 2 === 0 ? systems : systems.toReversed()) {
      const { waitedMs, withoutModelMs }: Pick<TurnsMeasured, 'waitedMs' | 'withoutModelMs'> = measured.get(
        subject,
      ) ?? {
        waitedMs: [],
        withoutModelMs: [],
      }
      await using system = await subject.start()
      model.takeUsage(subject.id)
      model.takeBusyMs(subject.id)
      let totalMs = 0
      for (const turn of turns) {
        const addMs = await system.add(turn)
        waitedMs.push(addMs)
        totalMs += addMs
        bar.tick()
      }
      const addedAt = performance.now()
      await system.settle()
      totalMs += performance.now() - addedAt
      withoutModelMs.push(totalMs - model.takeBusyMs(subject.id))
      usages.get(subject)?.push(model.takeUsage(subject.id))
      await checkAnswer(subject.name, system.search(PLANTED.question, 8))
      measured.set(subject, { usage: medianOf(usages.get(subject) ?? []), waitedMs, withoutModelMs })
    }
  }
  return measured
}

async function checkAnswer(name: string, search: Promise<{ texts: readonly string[] }>): Promise<void> {
  const { texts } = await search
  if (texts.some((text) => text.includes(PLANTED.answer))) return
  throw new Error(
    `${name}: expected ${PLANTED.answer} in the results for "${PLANTED.question}", got ${JSON.stringify(texts)}`,
  )
}

function medianOf(usages: readonly Usage[]): Usage {
  const sorted = usages.toSorted((a, b) => a.promptTokens - b.promptTokens)
  return sorted[Math.floor(sorted.length / 2)] as Usage
}
