import { createReplayEngines } from '../../sidecar/app/replay-engine.ts'
import { DEFAULT_OPTIONS, settingKey, settingsOf } from '../../sidecar/experiments/replay/options.ts'
import { replay } from '../../sidecar/experiments/replay/replay.ts'
import type { Tally } from '../../sidecar/experiments/replay/tally.ts'
import { isInWindow } from '../../sidecar/memory/model/window-rule.ts'
import type { Talk } from '../talks/dataset.ts'
import { joinTalk, NAMESPACE, storeTalks } from './talk-store.ts'

/** What the replay says of a setting, and what is true. */
export interface Ranked {
  key: string
  /** Share of the memories that the answers drew on which window or strategy showed; over all turns, and over the questions. */
  grounded: number
  groundedOfQuestions: number
  /** Mean share of the evidence turns of a question which window or strategy showed. */
  evidence: number
  questions: number
  /** Per turn, by the price model `automatic`. */
  billed: number
}

const WINDOWS = [3, 5, 10]

/** Replays talks with their questions, and compares grounded recall with the recall of the labelled evidence. */
export async function rankSettings(talks: readonly Talk[]): Promise<{ ranked: Ranked[]; tally: Tally }> {
  await using services = await storeTalks(talks)
  await using engines = createReplayEngines({ ruleBook: services.ruleBook, learns: false })
  const options = { ...DEFAULT_OPTIONS, namespace: NAMESPACE, windows: WINDOWS }
  const joined = new Map(talks.map((talk) => [talk.id, joinTalk(talk)]))
  const sums = new Map(
    settingsOf(options).map((setting) => [
      settingKey(setting),
      { questions: 0, evidence: 0, grounded: 0, covered: 0 },
    ]),
  )
  const tally = await replay(options, {
    source: services.records,
    engines,
    onMeasured: ({ turn, userId }, setting, { memories }, measured) => {
      const turns = joined.get(userId) ?? []
      const sum = sums.get(settingKey(setting))
      const { question } = turns[(turn as number) - 1] ?? {}
      if (!question || !sum || question.evidence.length === 0) return
      const injected = new Set(
        memories.flatMap(({ memory }) =>
          memory.sources.map((source) => turns[(source.turn as number) - 1]?.ref),
        ),
      )
      const isShown = (ref: string) =>
        injected.has(ref) ||
        isInWindow(turns.findIndex((one) => one.ref === ref) + 1, turn as number, setting.windowSize)
      sum.questions += 1
      sum.evidence += question.evidence.filter(isShown).length / question.evidence.length
      sum.grounded += measured.grounded
      sum.covered += measured.inWindow + measured.injected
    },
  })
  const ranked = [...sums].map(([key, { questions, evidence, grounded, covered }]) => {
    const all = tally.settings[key] as Tally['settings'][string]
    return {
      key,
      grounded: (all.in_window + all.injected) / all.grounded,
      groundedOfQuestions: covered / grounded,
      evidence: evidence / questions,
      questions,
      billed: (all.billed['automatic'] ?? 0) / all.turns,
    }
  })
  return { ranked, tally }
}
