import { DEFAULT_OPTIONS, settingKey, settingsOf } from '../../sidecar/experiments/replay/options.ts'
import type { Tally } from '../../sidecar/experiments/replay/tally.ts'
import type { Dialogue } from '../dialogues/dialogue.ts'
import { type ReplayRun, replayDialogues } from '../dialogues/replay.ts'

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

/** Replays dialogues with their questions, and compares grounded recall with the recall of the labelled evidence. */
export async function rankSettings(
  dialogues: readonly Dialogue[],
  windows: readonly number[] = WINDOWS,
): Promise<{ ranked: Ranked[]; tally: Tally }> {
  const options = { ...DEFAULT_OPTIONS, windows }
  const sums = new Map(
    settingsOf(options).map((setting) => [
      settingKey(setting),
      { questions: 0, evidence: 0, grounded: 0, covered: 0 },
    ]),
  )
  const onMeasured: ReplayRun['onMeasured'] = ({ evidence }, setting, _result, measured) => {
    const sum = sums.get(settingKey(setting))
    if (!evidence || !sum) return
    sum.questions += 1
    sum.evidence += evidence.shown
    sum.grounded += measured.grounded
    sum.covered += measured.inWindow + measured.injected
  }
  const [tally] = (await replayDialogues(dialogues, 'spread', [{ options, onMeasured }])) as [Tally]
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
