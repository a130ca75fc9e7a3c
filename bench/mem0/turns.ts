import { progress } from '../lib/progress.ts'
import { PLANTED, type Script } from './facts.ts'
import type { ScriptedModel, Usage } from './model.ts'
import type { Contestant } from './system.ts'

export interface TurnsMeasured {
  /** Of all turns of one round; the median round by prompt tokens. */
  usage: Usage
  /** Milliseconds that the caller waited for a turn, of all rounds. */
  waited: number[]
  /**
   * Milliseconds for all turns until they are searchable, without those in which the model was busy; by round. Work
   * that goes on behind the caller's back is in it: what is left of it after the last turn is waited for.
   */
  outside: number[]
}

/**
 * Feeds the same turns to each from an empty memory, `rounds` times, who begins changing from round to round.
 * @throws {Error} where one does not find what only the last turn said
 */
export async function measureTurns(
  contestants: readonly Contestant[],
  { turns }: Script,
  model: ScriptedModel,
  rounds: number,
): Promise<Map<Contestant, TurnsMeasured>> {
  const usages = new Map<Contestant, Usage[]>(contestants.map((one) => [one, []]))
  const measured = new Map<Contestant, TurnsMeasured>()
  const bar = progress('turns   ', turns.length * rounds * contestants.length)
  for (let round = 0; round < rounds; round++) {
    for (const contestant of round % 2 === 0 ? contestants : contestants.toReversed()) {
      const { waited, outside }: Pick<TurnsMeasured, 'waited' | 'outside'> = measured.get(contestant) ?? {
        waited: [],
        outside: [],
      }
      await using system = await contestant.start()
      model.takeUsage(contestant.id)
      model.takeBusyMs(contestant.id)
      let took = 0
      for (const turn of turns) {
        const milliseconds = await system.add(turn)
        waited.push(milliseconds)
        took += milliseconds
        bar.tick()
      }
      const added = performance.now()
      await system.settle()
      took += performance.now() - added
      outside.push(took - model.takeBusyMs(contestant.id))
      usages.get(contestant)?.push(model.takeUsage(contestant.id))
      await check(contestant.name, system.search(PLANTED.question, 8))
      measured.set(contestant, { usage: medianOf(usages.get(contestant) ?? []), waited, outside })
    }
  }
  return measured
}

async function check(name: string, search: Promise<{ texts: readonly string[] }>): Promise<void> {
  const { texts } = await search
  if (texts.some((text) => text.includes(PLANTED.answer))) return
  throw new Error(
    `answers: expected ${name} to find ${PLANTED.answer} for "${PLANTED.question}", got ${JSON.stringify(texts)}`,
  )
}

function medianOf(usages: readonly Usage[]): Usage {
  const sorted = usages.toSorted((a, b) => a.promptTokens - b.promptTokens)
  return sorted[Math.floor(sorted.length / 2)] as Usage
}
