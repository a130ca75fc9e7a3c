import { countTokens as countCl100k } from 'gpt-tokenizer/encoding/cl100k_base'
import { countTokens as countO200k } from 'gpt-tokenizer/encoding/o200k_base'
import type { PriceList } from '../../sidecar/insight/ledger/prices.ts'
import { type ChatMessage, type LanguageModel, ModelUnavailable } from '../../sidecar/ports/language-model.ts'
import type { Dialogue, DialogueQuestion } from '../dialogues/dialogue.ts'
import { CostMeter } from './cost.ts'
import { answerPrompt, judgePrompt, MAX_ANSWER_TOKENS, MAX_VERDICT_TOKENS, readVerdict } from './prompts.ts'
import type { AnswerResult, ResultFile } from './result-file.ts'
import { bleu1, f1 } from './score.ts'
import type { AnswerSystem, OpenSystem } from './system.ts'
import { askedAt } from './systems.ts'

export interface AnswerRun {
  dialogues: readonly Dialogue[]
  systems: readonly AnswerSystem[]
  model: LanguageModel
  /** Verdicts per answer; 0 for none. */
  judgeRuns: number
  file: ResultFile
  onResult: () => void
}

/** Statuses after which the same request fails again: it is too long, or the model refuses it. */
const FINAL_STATUSES = [400, 413, 422]

/** Number of answers that the file does not have yet. */
export function countMissing({
  dialogues,
  systems,
  file,
}: Pick<AnswerRun, 'dialogues' | 'systems' | 'file'>): number {
  return pairs(dialogues, systems).filter(({ key }) => !file.has(key)).length
}

/** Answers each question under each system, and judges the answer. @throws {ModelUnavailable} if the model is down */
export async function answerAll(run: AnswerRun): Promise<void> {
  for (const dialogue of run.dialogues) {
    for (const system of run.systems) {
      const missing = pairs([dialogue], [system]).filter(({ key }) => !run.file.has(key))
      if (missing.length === 0) continue
      await using open = await system.open(dialogue)
      // A cached block depends on the questions before, so that all are asked in order.
      for (const [i, question] of dialogue.questions.entries()) {
        const started = performance.now()
        const context = await open.contextFor(question, i + 1)
        const searchMs = performance.now() - started
        const key = { dialogue: dialogue.id, question: question.id, system: system.name }
        if (run.file.has(key)) continue
        const answered = await answer(run, dialogue, question, context)
        const { group } = dialogue
        const totalMs = searchMs + answered.tookMs
        const { tookMs: _, ...scores } = answered
        const tokens = { o200k: count(countO200k, context), cl100k: count(countCl100k, context) }
        run.file.add({ ...key, group, kind: question.kind, ...scores, ...tokens, searchMs, totalMs })
        run.onResult()
      }
    }
  }
}

/**
 * Estimates the rest of a run from the context of one question per system, of the first conversation with a missing
 * answer. @returns tokens and cost in words
 */
export async function estimate(
  { dialogues, systems, judgeRuns, file }: Omit<AnswerRun, 'model' | 'onResult'>,
  model: string,
  prices: PriceList,
): Promise<string> {
  const meter = new CostMeter(prices)
  const call = (messages: readonly ChatMessage[], tokensOut: number, times: number) => {
    const tokensIn = times * messages.reduce((sum, { content }) => sum + count(countO200k, content) + 4, 0)
    meter.record({ model, tokensIn, tokensOut: times * tokensOut, tokensCached: 0, outcome: 'ok' })
  }
  for (const system of systems) {
    const missing = pairs(dialogues, [system]).filter(({ key }) => !file.has(key))
    const dialogue = dialogues.find(({ id }) => id === missing[0]?.key.dialogue)
    const [question] = dialogue?.questions ?? []
    if (!dialogue || !question) continue
    await using open: OpenSystem = await system.open(dialogue)
    const context = await open.contextFor(question, 1)
    call(answerPrompt(context, question.question, new Date()), MAX_ANSWER_TOKENS / 4, missing.length)
    call(judgePrompt({ ...question, prediction: question.answer }), 2, missing.length * judgeRuns)
  }
  return String(meter)
}

type Answered = Pick<AnswerResult, 'prediction' | 'f1' | 'bleu1' | 'verdicts' | 'error'> & { tookMs: number }

async function answer(
  { model, judgeRuns }: AnswerRun,
  dialogue: Dialogue,
  question: DialogueQuestion,
  context: string,
): Promise<Answered> {
  const started = performance.now()
  const messages = answerPrompt(context, question.question, new Date(askedAt(dialogue, question)))
  const reply = await complete(model, messages, MAX_ANSWER_TOKENS)
  const tookMs = performance.now() - started
  if ('error' in reply) {
    const verdicts = Array<0>(judgeRuns).fill(0)
    return { prediction: '', f1: 0, bleu1: 0, verdicts, error: reply.error, tookMs }
  }
  const prediction = reply.text.trim()
  const verdicts: AnswerResult['verdicts'] = []
  for (let i = 0; i < judgeRuns; i++) {
    const verdict = await complete(model, judgePrompt({ ...question, prediction }), MAX_VERDICT_TOKENS)
    verdicts.push('error' in verdict ? null : readVerdict(verdict.text))
  }
  return {
    prediction,
    f1: f1(prediction, question.answer),
    bleu1: bleu1(prediction, question.answer),
    verdicts,
    tookMs,
  }
}

async function complete(
  model: LanguageModel,
  messages: readonly ChatMessage[],
  maxOutputTokens: number,
): Promise<{ text: string } | { error: string }> {
  try {
    // The purpose selects no other model: those of extraction and reconciliation can be set apart.
    return await model.complete({
      purpose: 'summarise',
      messages,
      maxOutputTokens,
      account: { scope: 'bench' },
    })
  } catch (error) {
    if (error instanceof ModelUnavailable && FINAL_STATUSES.includes(error.status ?? 0))
      return { error: error.message }
    throw error
  }
}

function pairs(dialogues: readonly Dialogue[], systems: readonly AnswerSystem[]) {
  return dialogues.flatMap(({ id, questions }) =>
    systems.flatMap(({ name }) =>
      questions.map((one) => ({ key: { dialogue: id, question: one.id, system: name } })),
    ),
  )
}

function count(counter: typeof countO200k, text: string): number {
  return counter(text, { disallowedSpecial: new Set() })
}
