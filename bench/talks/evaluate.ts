import { progress } from '../lib/progress.ts'
import type { Talk, TalkQuestion } from './dataset.ts'

/** A retrieval system that was given one talk. */
export interface TalkIndex extends AsyncDisposable {
  /** The memories that the system finds, best first; a turn may occur several times. */
  search(question: string): Promise<FoundTurn[]>
  /** Number of memories in the context for a prompt. Absent: the system has no such call. */
  countRecalled?(question: string): Promise<number>
}

export interface FoundTurn {
  /** `session:turn`. */
  ref: string
  /** On a scale of the system's own. */
  score: number
}

export interface Variant {
  name: string
  open(talk: Talk): Promise<TalkIndex>
}

export interface Answer {
  lang: string
  question: TalkQuestion
  /** Turns, best first, without repetitions. */
  turns: string[]
  /** Score of the best memory of each turn, in the same order. */
  scores: number[]
  tookMs: number
  recalled: number | undefined
}

/** @throws {Error} if the variant has not answered all questions by the deadline */
export async function evaluate(
  variant: Variant,
  talks: readonly Talk[],
  deadline: AbortSignal,
): Promise<Answer[]> {
  const answers: Answer[] = []
  const bar = progress(variant.name, talks.length)
  for (const talk of talks) {
    await using index = await variant.open(talk)
    for (const question of talk.questions) {
      if (deadline.aborted) throw new Error(`the deadline was over after ${answers.length} questions`)
      const started = performance.now()
      const found = await index.search(question.q)
      const tookMs = performance.now() - started
      const recalled = question.evidence.length === 0 ? await index.countRecalled?.(question.q) : undefined
      const best = new Map<string, number>()
      for (const { ref, score } of found) best.set(ref, Math.max(score, best.get(ref) ?? score))
      const [turns, scores] = [[...best.keys()], [...best.values()]]
      answers.push({ lang: talk.lang, question, turns, scores, tookMs, recalled })
    }
    bar.tick()
  }
  return answers
}

/** Mean share of the evidence turns among the first `k`; `NaN` without a question that has evidence. */
export function recallAt(k: number, answers: readonly Answer[]): number {
  const asked = answers.filter(({ question }) => question.evidence.length > 0)
  const sum = asked.reduce((total, { question: { evidence }, turns }) => {
    const first = turns.slice(0, k)
    return total + evidence.filter((ref) => first.includes(ref)).length / evidence.length
  }, 0)
  return sum / asked.length
}

/** Share of the questions with a replaced value for which a stale turn ranks before every evidence turn. */
export function staleFirst(answers: readonly Answer[]): number {
  const asked = answers.filter(({ question }) => question.stale.length > 0)
  const best = (refs: readonly string[], turns: readonly string[]) => {
    const ranks = refs.map((ref) => turns.indexOf(ref)).filter((rank) => rank >= 0)
    return Math.min(...ranks, Number.POSITIVE_INFINITY)
  }
  const wrong = asked.filter(
    ({ question, turns }) => best(question.stale, turns) < best(question.evidence, turns),
  )
  return wrong.length / asked.length
}
