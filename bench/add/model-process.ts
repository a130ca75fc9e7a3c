/*
 * A model as a process of its own that takes its time: it learns one fact of each parcel that it reads of, and calls
 * everything new. Prints its address.
 */
import { type ScriptedRequest, startScriptedOpenAi } from '../../test/scripted-openai/server.ts'
import { learned, parcelsIn } from './parcels.ts'

const latencyMs = Number(process.argv[2])

const server = await startScriptedOpenAi({
  usage: 'estimate',
  fallback: {
    latencyMs,
    answer: (request) =>
      request.body.tools ? { calls: [{ name: 'decide', arguments: decide(request) }] } : extract(request),
  },
})
// What came is not looked at here, and would grow without end.
setInterval(() => server.requests.splice(0), 1000)
console.log(server.url)

function extract({ last }: ScriptedRequest): string {
  const batch = /<batch>\n([\s\S]*)\n<\/batch>/.exec(last)?.[1] ?? ''
  const facts = batch.split('\n').flatMap((line) => {
    const messages = [Number(/^\[(\d+)\]/.exec(line)?.[1])]
    return parcelsIn(line).map((parcel) => ({
      ...{ text: learned(parcel), topic: 'work', sub_topic: 'parcels', messages },
      ...{ importance: 3, event_date: null },
    }))
  })
  return JSON.stringify({ facts, entities: [], relations: [], summary: 'Parcels are brought.' })
}

/** The facts to be decided on are the lines that end in an arrow and numbers. */
function decide({ last }: ScriptedRequest) {
  const facts = [...last.matchAll(/^(\d+) \[[^\]]*\] [^:]*: "(?:[^"\\]|\\.)*" → .*$/gmu)]
  const items = facts.map(([, number]) => {
    return { fact: Number(number), why: 'it is new', action: 'ADD', memory: null, text: null }
  })
  return { items }
}
