import { fileURLToPath } from 'node:url'
import { rankCorrelation } from './replay/rank-correlation.ts'
import { rankSettings } from './replay/ranking.ts'
import { readTalks } from './talks/dataset.ts'

const talks = readTalks(fileURLToPath(new URL('talks/data', import.meta.url)))
for (const half of ['-1', '-2']) {
  const t = performance.now()
  const { ranked, tally } = await rankSettings(talks.filter((t) => t.id.endsWith(half)))
  console.log(half, tally.turns, tally.answered, tally.grounded_turns, performance.now() - t)
  for (const r of ranked) {
    const s = tally.settings[r.key]!
    console.log(
      r.key.padEnd(20),
      r.grounded.toFixed(3),
      r.groundedOfQuestions.toFixed(3),
      r.evidence.toFixed(3),
      'tok',
      (s.tokens / s.turns).toFixed(0),
      'billed',
      (s.billed['automatic']! / s.turns).toFixed(0),
      'ovl',
      (s.overlap / s.turns).toFixed(2),
      (s.rbo / s.turns).toFixed(2),
      s.grounded,
      s.in_window,
      s.injected,
      JSON.stringify(s.cache),
    )
  }
  console.log(
    rankCorrelation(
      ranked.map((r) => r.grounded),
      ranked.map((r) => r.evidence),
    ),
    rankCorrelation(
      ranked.map((r) => r.groundedOfQuestions),
      ranked.map((r) => r.evidence),
    ),
  )
}
