import {
  type Completion,
  type LanguageModel,
  ModelUnavailable,
} from '../../../../../sidecar/ports/language-model.ts'

/** The distinct items that a text mentions. */
export function itemsIn(text: string): string[] {
  return [...new Set(text.match(/item\d+x/g) ?? [])]
}

/**
 * A language model that extracts one fact per item while `works` is true. Among similar facts, every third one
 * supersedes another.
 */
export function itemModel(): LanguageModel & { works: boolean } {
  const model = {
    kind: 'items',
    works: true,
    async complete({ messages, tools }: Parameters<LanguageModel['complete']>[0]): Promise<Completion> {
      if (!model.works) throw new ModelUnavailable('server_error', 'not now')
      const last = messages.at(-1)?.content ?? ''
      const answer = { text: '', calls: [], finish: 'stop' as const, model: 'items' }
      if (tools) return { ...answer, calls: [{ name: 'decide', arguments: decide(last) }] }
      return { ...answer, text: extract(last) }
    },
  }
  return model
}

function extract(prompt: string): string {
  const batch = /<batch>\n([\s\S]*)\n<\/batch>/.exec(prompt)?.[1] ?? ''
  const facts = batch.split('\n').flatMap((line) => {
    const number = Number(/^\[(\d+)\]/.exec(line)?.[1])
    return itemsIn(line).map((item) => ({
      ...{
        text: `Ada keeps ${item} in a box.`,
        topic: 'preferences',
        sub_topic: 'boxes',
        messages: [number],
      },
      ...{ importance: 3, event_date: null },
    }))
  })
  return JSON.stringify({ facts, entities: [], relations: [], summary: '' })
}

function decide(prompt: string): string {
  const lines = [...prompt.matchAll(/^(\d+) \[[^\]]*\] [^:]*: ("(?:[^"\\]|\\.)*")( → .*)?$/gmu)].map(
    ([, number, text, asked]) => ({ number: Number(number), item: Number(/\d+/.exec(text ?? '')), asked }),
  )
  const items = lines
    .filter(({ asked }) => asked !== undefined)
    .map(({ number, item }) => {
      const target = item % 3 === 0 ? lines.find((one) => one.asked === undefined) : undefined
      return target
        ? { fact: number, why: 'it changed', action: 'UPDATE', memory: target.number, text: null }
        : { fact: number, why: 'it is new', action: 'ADD', memory: null, text: null }
    })
  return JSON.stringify({ items })
}
