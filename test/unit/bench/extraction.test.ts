import { expect, it } from 'vitest'
import type { Dialogue } from '../../../bench/dialogues/dialogue.ts'
import { readDialogues, SHIPPED_TALKS } from '../../../bench/dialogues/read.ts'
import { measureExtraction } from '../../../bench/extraction/measure.ts'
import { formatExtraction } from '../../../bench/extraction/report.ts'
import { startScriptedModel } from '../../../bench/extraction/scripted.ts'
import { openAiLanguageModel } from '../../../sidecar/adapters/openai/chat/language-model.ts'
import { useModel } from '../../helpers/scripted-openai/model-subject.ts'
import { testApp } from '../../helpers/test-app.ts'

const TURNS = 10
const FLUSH_DEADLINE_MS = 60_000

/** The first turns of a talk; its only label says that the fourth turn replaces the third. */
function firstTurns(id: string) {
  const dialogue = readDialogues(SHIPPED_TALKS).find((one) => one.id === id)
  if (!dialogue) throw new Error(`${id}: expected a talk`)
  const turns = dialogue.turns.slice(0, TURNS)
  const [stale, evidence] = [turns[2], turns[3]].map((turn) => [turn?.ref ?? ''])
  const questions = dialogue.questions
    .slice(0, 1)
    .map((one) => ({ ...one, evidence, stale })) as typeof dialogue.questions
  return { ...dialogue, turns, questions }
}

it('counts what was learned, with a scripted model that repeats what was said', async () => {
  const dialogue = firstTurns('zh-1')
  await using server = await startScriptedModel([dialogue])
  const app = testApp({ model: openAiLanguageModel({ baseUrl: server.url, model: 'scripted' }) })
  const measured = await measureExtraction(app.fetch, dialogue, FLUSH_DEADLINE_MS)
  expect(measured).toMatchObject({ turns: TURNS, pending: 0, failed: 0, lost: 0 })
  expect(measured.learnedFrom + measured.withoutFact).toBe(TURNS)
  expect(measured.learnedFrom).toBeGreaterThan(TURNS / 2)
  expect(measured.grounded).toBe(measured.facts)
  expect(measured.inLanguage).toBe(measured.facts)
  expect(formatExtraction(new Map([['zh', measured]]))).toMatch(/\| all +\| +10 \|/)
})

it('counts a replaced value as retired when its fact is updated', async () => {
  const at = Date.UTC(2026, 0, 5)
  const said = ['I live in a small flat in Leeds.', 'I live in a small flat in Porto.']
  const dialogue: Dialogue = {
    ...{ id: 'ada', group: 'en' },
    turns: said.map((content, i) => ({
      ref: `1:${i + 1}`,
      session: 1,
      messages: [{ role: 'user', content, at }],
    })),
    questions: [
      {
        id: '1',
        question: 'Where do I live?',
        answer: 'Porto',
        kind: 'update',
        evidence: ['1:2'],
        stale: ['1:1'],
      },
    ],
  }
  await using server = await startScriptedModel([dialogue])
  const app = testApp({ model: openAiLanguageModel({ baseUrl: server.url, model: 'scripted' }) })
  const measured = await measureExtraction(app.fetch, dialogue, FLUSH_DEADLINE_MS)
  expect(measured).toMatchObject({ turns: 2, lost: 0, replaced: 1, retired: 1 })
})

it('counts turns as pending or failed, and none as lost, when no answer can be read', async () => {
  const { server, model } = await useModel()
  server.rules.replace({ answer: 'I am only a small model.' })
  const app = testApp({ model, expectErrors: true })
  const measured = await measureExtraction(app.fetch, firstTurns('en-1'), FLUSH_DEADLINE_MS)
  expect(measured).toMatchObject({ turns: TURNS, learnedFrom: 0, withoutFact: 0, lost: 0, facts: 0 })
  expect(measured.pending + measured.failed).toBe(TURNS)
})

it('counts facts in another language and about nothing that was said', async () => {
  const { server, model } = await useModel()
  const fact = { text: 'Der Hund ist nicht mehr so müde, wie er es vor einem Jahr war.', topic: 'other' }
  server.rules.replace({ answer: JSON.stringify({ facts: [{ ...fact, messages: [1] }], summary: '' }) })
  const app = testApp({ model, expectErrors: true })
  const measured = await measureExtraction(app.fetch, firstTurns('en-2'), FLUSH_DEADLINE_MS)
  expect(measured).toMatchObject({ lost: 0, grounded: 0, inLanguage: 0 })
  expect(measured.facts).toBeGreaterThan(0)
})
