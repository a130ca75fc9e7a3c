import type { PriceModel, Prompt } from '../../sidecar/experiments/price.ts'
import type { Chat, Setting, Turn } from './chat.ts'
import { CATEGORIES } from './dataset.ts'
import { evidenceRecall, Mean } from './metric.ts'
import { type Bill, billOverOneStep, promptsOf } from './price.ts'

/** The results of one setting, over all conversations or one of them. */
export class Measured {
  readonly setting: Setting
  readonly #chats: readonly { conversation: string; turns: readonly Turn[]; prompts: readonly Prompt[] }[]

  constructor(setting: Setting, chats: readonly Chat[]) {
    this.setting = setting
    this.#chats = chats.map(({ conversation, turns }) => ({
      ...{ conversation, turns, prompts: promptsOf(turns.map(({ result }) => result)) },
    }))
  }

  get questionCount(): number {
    return this.#turns().length
  }

  /** Share of the turns that reused a cached block. */
  get hitRate(): number {
    return this.#turns().filter(({ result }) => result.cache.result === 'hit').length / this.questionCount
  }

  /** Latency of each recall, milliseconds. */
  get tookMs(): number[] {
    return this.#turns().map(({ result }) => result.tookMs.total)
  }

  /** Mean evidence recall; `of` selects one conversation or one category by name. */
  recall(of: { conversation?: string | undefined; category?: string } = {}): number {
    const mean = new Mean()
    for (const { question, found } of this.#turns(of.conversation)) {
      if (of.category === undefined || CATEGORIES[question.category] === of.category) {
        mean.add(evidenceRecall(question, found))
      }
    }
    return mean.value
  }

  /** Means over the turns. */
  bill(model: PriceModel, conversation?: string): Bill {
    const means = { tokens: new Mean(), blockTokens: new Mean(), reusable: new Mean(), billed: new Mean() }
    for (const { prompts } of this.#of(conversation)) {
      const one = billOverOneStep(prompts, model)
      for (const key of Object.keys(means) as (keyof Bill)[])
        for (const _ of prompts) means[key].add(one[key])
    }
    const { tokens, blockTokens, reusable, billed } = means
    return {
      ...{ tokens: tokens.value, blockTokens: blockTokens.value },
      ...{ reusable: reusable.value, billed: billed.value },
    }
  }

  #of(conversation: string | undefined) {
    return this.#chats.filter((chat) => conversation === undefined || chat.conversation === conversation)
  }

  #turns(conversation?: string): Turn[] {
    return this.#of(conversation).flatMap(({ turns }) => turns)
  }
}
