/*
 * A fake OpenAI endpoint that answers each call after a fixed delay (first argument, milliseconds). It extracts one
 * fact per parcel and decides that every fact is new. Prints its URL.
 */
import { type ScriptedRequest, startScriptedOpenAi } from '../../test/helpers/scripted-openai/server.ts'
import { factText, parcelsIn } from './parcels.ts'

const latencyMs = Number(process.argv[2])

const server = await startScriptedOpenAi({
  usage: 'estimate',
  fallback: {
    latencyMs,
    answer: (request) =>
      request.body.tools ? { calls: [{ name: 'decide', arguments: decide(request) }] } : extract(request),
  },
})
// The fake records every request; nothing reads the records here.
setInterval(() => server.requests.splice(0), 1000)
console.log(server.url)

function extract({ last }: ScriptedRequest): string {
  const batch = /<batch>\n([\s\S]*)\n<\/batch>/.exec(last)?.[1] ?? ''
  const facts = batch.split('\n').flatMap((line) =>
    parcelsIn(line).map((parcel) => ({
      text: factText(parcel),
      topic: 'work',
      sub_topic: 'parcels',
      messages: [Number(/^\[(\d+)\]/.exec(line)?.[1])],
      importance: 3,
      event_date: null,
    })),
  )
  return JSON.stringify({ facts, entities: [], relations: [], summary: 'Ada sends parcels.' })
}

/** Lines of the prompt that end in an arrow and numbers ask for a decision. */
function decide({ last }: ScriptedRequest) {
  const facts = [...last.matchAll(/^(\d+) \[[^\]]*\] [^:]*: "(?:[^"\\]|\\.)*" → .*$/gmu)]
  const items = facts.map(([, number]) => ({
    fact: Number(number),
    why: 'it is new',
    action: 'ADD',
    memory: null,
    text: null,
  }))
  return { items }
}
