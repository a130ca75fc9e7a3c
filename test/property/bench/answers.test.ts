import { join } from 'node:path'
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
import { expect, it } from 'vitest'
import { CostMeter } from '../../../bench/answers/cost.ts'
import { readVerdict } from '../../../bench/answers/prompts.ts'
import { formatReport, scoresByKind } from '../../../bench/answers/report.ts'
import { ResultFile } from '../../../bench/answers/result-file.ts'
import { answerAll, countMissing, estimate } from '../../../bench/answers/run.ts'
import { bleu1, f1, tokensOf } from '../../../bench/answers/score.ts'
import { SYSTEM_KINDS, systemsOf } from '../../../bench/answers/systems.ts'
import { readDialogues, SHIPPED_TALKS } from '../../../bench/dialogues/read.ts'
import { bootstrapInterval } from '../../../bench/lib/bootstrap.ts'
import { lexicalEmbedder } from '../../../sidecar/adapters/in-process/lexical-embedder.ts'
import { parsePrices } from '../../../sidecar/insight/ledger/prices.ts'
import { useModel } from '../../helpers/scripted-openai/model-subject.ts'
import { tempDir } from '../../helpers/temp-dir.ts'

it('splits words, and the characters of Chinese, Japanese and Korean', () => {
  expect(tokensOf("It's 31.5 kg, Zürich!")).toEqual(['it', 's', '31', '5', 'kg', 'zürich'])
  expect(tokensOf('东京8月')).toEqual(['东', '京', '8', '月'])
  expect(tokensOf('서울 in 2024년')).toEqual(['서', '울', 'in', '2024', '년'])
})

it('computes F1 over distinct tokens', () => {
  // 2 common tokens of 3 predicted and 4 expected: P = 2/3, R = 2/4.
  expect(f1('the red bike', 'a red mountain bike')).toBeCloseTo(4 / 7)
  expect(f1('May May 7', '7 may')).toBe(1)
  expect(f1('', 'x')).toBe(0)
  expect(f1('unknown', '7 May 2023')).toBe(0)
})

it('computes BLEU-1 with clipped counts and the brevity penalty', () => {
  // "the" counts once although it is predicted three times: 1 of 3; no penalty, since 3 > 2.
  expect(bleu1('the the the', 'the cat')).toBeCloseTo(1 / 3)
  // 2 of 2 match; the penalty is exp(1 - 4/2).
  expect(bleu1('red bike', 'a red mountain bike')).toBeCloseTo(Math.exp(-1))
  expect(bleu1('a red mountain bike', 'a red mountain bike')).toBe(1)
  expect(bleu1('nothing', 'a red bike')).toBe(0)
  expect(bleu1('', 'a')).toBe(0)
})

it('reads verdicts, and none from other replies', () => {
  expect(['CORRECT', '**wrong**.', 'Incorrect', 'yes', ''].map(readVerdict)).toEqual([1, 0, 0, null, null])
})

it('gives an interval around the mean of paired differences', () => {
  const [low, high] = bootstrapInterval(Array.from({ length: 100 }, (_, i) => (i % 4 === 0 ? 1 : 0)))
  expect(low).toBeGreaterThan(0.14)
  expect(low).toBeLessThan(0.2)
  expect(high).toBeGreaterThan(0.3)
  expect(high).toBeLessThan(0.36)
  expect(bootstrapInterval([0, 0, 0])).toEqual([0, 0])
})

it('asks the model under each system, judges, continues an interrupted run, and adds up', async () => {
  const [dialogue] = readDialogues(SHIPPED_TALKS).filter(({ id }) => id === 'en-1')
  if (!dialogue) throw new Error('en-1: expected a talk')
  const dialogues = [
    { ...dialogue, turns: dialogue.turns.slice(0, 24), questions: dialogue.questions.slice(0, 3) },
  ]
  const [first] = dialogue.questions
  const { server, model } = await useModel({ model: 'scripted' })
  server.rules.replace(
    {
      when: ({ all }) => all.includes('You grade'),
      answer: ({ last }) => (/grade: unknown/.test(last) ? 'WRONG' : 'CORRECT'),
    },
    { when: new RegExp(`Question: ${first?.question.slice(0, 20)}`), answer: first?.answer ?? '' },
    { answer: 'unknown' },
  )
  const kinds = SYSTEM_KINDS.filter((kind) => kind !== 'mem0')
  const systems = systemsOf(kinds, lexicalEmbedder(), false, [128, 8192])
  expect(systems.map(({ name }) => name)).toEqual([
    'full context',
    ...['RAG, 1 × 128', 'RAG, 1 × 8192', 'RAG, 2 × 128', 'RAG, 2 × 8192', 'plain BM25'],
    ...['Hippocache, per_query', 'Hippocache, per_query with graph'],
    ...['Hippocache, cached', 'Hippocache, cached with graph'],
    ...['Hippocache, cached_delta', 'Hippocache, cached_delta with graph'],
  ])
  const path = join(tempDir(), 'results.jsonl')
  const settings = { model: 'scripted' }
  const run = (file: ResultFile, onResult = () => {}) => ({
    dialogues,
    systems,
    model,
    judgeRuns: 2,
    file,
    onResult,
  })

  let answers = 0
  const interrupted = answerAll(
    run(new ResultFile(path, settings), () => {
      if (++answers === 10) throw new Error('interrupted')
    }),
  )
  await expect(interrupted).rejects.toThrow('interrupted')
  const file = new ResultFile(path, settings)
  expect(file.results).toHaveLength(10)
  expect(countMissing({ dialogues, systems, file })).toBe(26)
  expect(await estimate(run(file), 'scripted', parsePrices('scripted=1/2'))).toMatch(
    /^[\d,]+ tokens in, \d+ out, cost 0\.\d{4}$/,
  )
  await answerAll(run(file))
  expect(countMissing({ dialogues, systems, file })).toBe(0)
  // 36 answers, each judged twice.
  expect(server.requests).toHaveLength(108)
  expect(() => new ResultFile(path, { model: 'other' })).toThrow(/choose another file/)

  const full = file.results.filter(({ system }) => system === 'full context')
  expect(full.map((one) => [one.f1, ...one.verdicts])).toEqual([
    [1, 1, 1],
    [0, 0, 0],
    [0, 0, 0],
  ])
  for (const { o200k, cl100k, totalMs, searchMs } of file.results) {
    expect(o200k).toBeGreaterThan(0)
    expect(cl100k).toBeGreaterThan(0)
    expect(totalMs).toBeGreaterThanOrEqual(searchMs)
  }
  const sizes = new Map(file.results.map(({ system, o200k }) => [system, o200k]))
  expect(sizes.get('RAG, 2 × 128')).toBeLessThan(300)
  expect(sizes.get('RAG, 2 × 8192')).toBe(sizes.get('full context'))

  for (const of of [(one: { kind: string }) => one.kind, (one: { group: string }) => one.group]) {
    const { kinds, all } = scoresByKind(full, of)
    for (const score of ['f1', 'bleu1', 'judge'] as const) {
      const total = kinds.reduce((sum, one) => sum + one.n * one[score], 0)
      expect(total / all.n).toBeCloseTo(all[score])
    }
    expect(kinds.reduce((sum, { n }) => sum + n, 0)).toBe(all.n)
  }
  const report = formatReport(file.results)
  expect(report).toContain('| full context')
  expect(report).toMatch(/RAG, 1 × 128 .*33\.3 ± 0\.0 \| +0\.0 \(0\.0 to 0\.0\)/)
})

it('puts entities and relations into the context with graph, within the same token budget', async () => {
  const dialogue = readDialogues(SHIPPED_TALKS).find(({ id }) => id === 'en-1')
  const [question] = dialogue?.questions ?? []
  if (!dialogue || !question) throw new Error('en-1: expected a talk with questions')
  const contexts = []
  for (const system of systemsOf(['per_query', 'per_query+graph'], lexicalEmbedder(), false)) {
    await using open = await system.open(dialogue)
    contexts.push(await open.contextFor(question, 1))
  }
  const [without = '', withGraph = ''] = contexts
  expect(without).not.toContain('Persons, places and things')
  expect(withGraph).toMatch(/Persons, places and things.*- Callum.*- \[\d{4}-/s)
  expect(countTokens(withGraph)).toBeLessThanOrEqual(1_500)
})

it('counts an answer that the model refuses as wrong, and stops when the model is down', async () => {
  const [dialogue] = readDialogues(SHIPPED_TALKS, 1)
  if (!dialogue) throw new Error('expected a talk')
  const dialogues = [{ ...dialogue, questions: dialogue.questions.slice(0, 1) }]
  const systems = systemsOf(['full'], lexicalEmbedder(), false)
  const { server, model } = await useModel()
  server.rules.replace({ status: 413 })
  const file = new ResultFile(join(tempDir(), 'results.jsonl'), {})
  const run = { dialogues, systems, model, judgeRuns: 1, file, onResult: () => {} }
  await answerAll(run)
  expect(file.results).toMatchObject([{ f1: 0, verdicts: [0], error: expect.stringContaining('413') }])
  expect(formatReport(file.results)).toMatch(/\| +1 \| +0 of 1 \|/)

  server.rules.replace({ status: 401 })
  const other = new ResultFile(join(tempDir(), 'results.jsonl'), {})
  await expect(answerAll({ ...run, file: other })).rejects.toThrow(/401/)
  expect(other.results).toEqual([])
})

it('sums the cost of calls, and says when a model has no price', () => {
  const call = { model: 'm', tokensIn: 1000, tokensOut: 100, tokensCached: 0, outcome: 'ok' as const }
  const priced = new CostMeter(parsePrices('m=2/10'))
  priced.record(call)
  expect(String(priced)).toBe('1,000 tokens in, 100 out, cost 0.0030')
  const unpriced = new CostMeter(parsePrices(''))
  unpriced.record(call)
  expect(String(unpriced)).toContain('no price in PRICES')
})
