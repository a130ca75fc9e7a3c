import type { Answer, ScriptedRequest } from './scripted-openai/server.ts'

export interface TableFact {
  text: string
  topic: string
  sub_topic?: string
  importance?: number
  event_date?: string | null
  /** The memory that it supersedes: its text or a pattern. */
  replaces?: string | RegExp
  /** Text of the memory that it contradicts without a new value. */
  denies?: string
  /** Text of the memory that states the same. */
  repeats?: string
}

/** Facts by the piece of message text from which they are extracted. */
export type FactTable = Readonly<Record<string, readonly TableFact[]>>

/**
 * A chat model that answers extraction and reconciliation requests from a table. A fact that concerns no memory is
 * added.
 */
export function memoryModel(table: FactTable): (request: ScriptedRequest) => Answer {
  const facts = Object.values(table).flat()
  return (request) => (isDecision(request) ? decide(request, facts) : extract(request, table))
}

export function isDecision({ body }: ScriptedRequest): boolean {
  return body.tools?.[0]?.function?.name === 'decide'
}

function extract({ last }: ScriptedRequest, table: FactTable): string {
  const batch = /<batch>\n([\s\S]*)\n<\/batch>/.exec(last)?.[1] ?? ''
  const found = batch.split('\n').flatMap((line) => {
    const number = Number(/^\[(\d+)\]/.exec(line)?.[1])
    return Object.entries(table)
      .filter(([piece]) => line.includes(piece))
      .flatMap(([, facts]) => facts.map((fact) => ({ number, fact })))
  })
  return JSON.stringify({
    facts: found.map(
      ({ number, fact: { text, topic, sub_topic = '', importance = 3, event_date = null } }) => ({
        text,
        topic,
        sub_topic,
        messages: [number],
        importance,
        event_date,
      }),
    ),
    entities: [],
    relations: [],
    summary: found.map(({ fact }) => fact.text).join(' '),
  })
}

function decide({ last }: ScriptedRequest, facts: readonly TableFact[]): Answer {
  const lines = [...last.matchAll(/^(\d+) \[[^\]]*\] [^:]*: ("(?:[^"\\]|\\.)*")( → .*)?$/gmu)].map(
    ([, number, text, asked]) => ({
      number: Number(number),
      text: JSON.parse(text as string) as string,
      asked,
    }),
  )
  const items = lines
    .filter(({ asked }) => asked !== undefined)
    .map(({ number, text }) => {
      const fact = facts.find((one) => one.text === text)
      const about = { UPDATE: fact?.replaces, DELETE: fact?.denies, NOOP: fact?.repeats }
      for (const [action, told] of Object.entries(about)) {
        const target = lines.find((line) => line.number !== number && isLike(line.text, told))
        if (target) return { fact: number, why: 'as told', action, memory: target.number, text: null }
      }
      return { fact: number, why: 'it is new', action: 'ADD', memory: null, text: null }
    })
  return { calls: [{ name: 'decide', arguments: { items } }] }
}

function isLike(text: string, told: string | RegExp | undefined): boolean {
  return told instanceof RegExp ? told.test(text) : text === told
}
