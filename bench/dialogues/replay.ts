import { createReplayEngines } from '../../sidecar/app/replay-engine.ts'
import {
  type ReplayOptions,
  type Setting,
  settingKey,
  settingsOf,
} from '../../sidecar/experiments/replay/options.ts'
import { replay } from '../../sidecar/experiments/replay/replay.ts'
import { addTally, emptyTally, type Measured, type Tally } from '../../sidecar/experiments/replay/tally.ts'
import { scopeKey } from '../../sidecar/memory/model/scope.ts'
import { isInWindow } from '../../sidecar/memory/model/window-rule.ts'
import { scrollMemories } from '../../sidecar/memory/repositories/memories.ts'
import type { RecordStore } from '../../sidecar/ports/records.ts'
import type { StrategyResult } from '../../sidecar/retrieval/strategies/request.ts'
import { openEngine } from '../lib/engine.ts'
import type { Dialogue, DialogueQuestion } from './dialogue.ts'
import { type JoinedTurn, joinDialogue, type Order } from './join.ts'
import { scopeOf, storeTurns } from './store.ts'

/** What a prompt held of the evidence of a question. */
export interface Evidence {
  /** Mean share that window or memory showed. */
  shown: number
  /** Share of the evidence outside the window that the memory showed; `null` if all is in the window. */
  recalled: number | null
}

export interface ReplayedTurn {
  dialogue: Dialogue
  turn: number
  /** Turns of the conversation that have a memory. */
  remembered: ReadonlySet<number>
  /** Of a question with evidence. */
  evidence: Evidence | undefined
}

/** One set of settings that every turn is answered with. */
export interface ReplayRun {
  options: Omit<ReplayOptions, 'namespace' | 'userId' | 'appId' | 'since'>
  onMeasured: (turn: ReplayedTurn, setting: Setting, result: StrategyResult, measured: Measured) => void
}

/**
 * Stores dialogues in memory, in verbatim mode, and answers every turn with every setting, as of that turn. Where the
 * questions follow one another at the end, only these are answered.
 *
 * @param onDialogue called after each dialogue
 * @returns the tally of each run
 */
export async function replayDialogues(
  dialogues: readonly Dialogue[],
  order: Order,
  runs: readonly ReplayRun[],
  onDialogue: () => void = () => {},
): Promise<Tally[]> {
  const tallies = runs.map(({ options }) => emptyTally(settingsOf(options).map(settingKey)))
  for (const dialogue of dialogues) {
    const turns = joinDialogue(dialogue, order)
    const clock = { now: 0 }
    await using services = openEngine(':memory:', () => clock.now)
    await storeTurns(services, clock, scopeOf(dialogue), turns)
    const remembered = await turnsWithMemory(services.records, dialogue)
    await using engines = createReplayEngines({ ruleBook: services.ruleBook, learns: false })
    const since = order === 'spread' ? undefined : Math.min(...turns.flatMap((one) => askedAt(one)))
    for (const [i, { options, onMeasured }] of runs.entries()) {
      const tally = await replay(
        { ...options, since, ...scopeOf(dialogue) },
        {
          source: services.records,
          engines,
          onMeasured: ({ turn }, setting, result, measured) => {
            const place = { turn: turn as number, windowSize: setting.windowSize }
            const { question } = turns[place.turn - 1] ?? {}
            const evidence = question && evidenceOf(question, turns, place, result)
            onMeasured({ dialogue, turn: place.turn, remembered, evidence }, setting, result, measured)
          },
        },
      )
      addTally(tallies[i] as Tally, tally)
    }
    onDialogue()
  }
  return tallies
}

async function turnsWithMemory(records: RecordStore, dialogue: Dialogue): Promise<Set<number>> {
  const turns = new Set<number>()
  for await (const { memory } of scrollMemories(records, scopeKey(scopeOf(dialogue)))) {
    for (const { turn } of memory.sources) turns.add(turn as number)
  }
  return turns
}

function askedAt({ question, messages }: JoinedTurn): number[] {
  return question ? [messages[0]?.at ?? 0] : []
}

function evidenceOf(
  { evidence }: DialogueQuestion,
  turns: readonly JoinedTurn[],
  { turn, windowSize }: { turn: number; windowSize: number },
  { memories }: StrategyResult,
): Evidence | undefined {
  if (evidence.length === 0) return undefined
  const injected = new Set(
    memories.flatMap(({ memory }) => memory.sources.map((source) => turns[(source.turn as number) - 1]?.ref)),
  )
  const hidden = evidence.filter(
    (ref) => !isInWindow(turns.findIndex((one) => one.ref === ref) + 1, turn, windowSize),
  )
  const recalled = hidden.filter((ref) => injected.has(ref)).length
  return {
    shown: (evidence.length - hidden.length + recalled) / evidence.length,
    recalled: hidden.length === 0 ? null : recalled / hidden.length,
  }
}
