/*
 * npm run bench -- mem0 --data FILE [--conversation conv-26] [--turns 100] [--memories 500] [--rounds 3]
 *   [--dimensions 1536] [--release 3.3.1]
 *
 * The npm package mem0ai and Hippocache on the same turns, with the same scripted model; then searches in the same
 * memories. What is scripted and what is counted: bench/mem0/README.md.
 */
import { parseArgs } from 'node:util'
import { readScript } from './mem0/facts.ts'
import { installMem0 } from './mem0/install.ts'
import { MEM0, type Mem0, startMem0 } from './mem0/mem0.ts'
import { startModel } from './mem0/model.ts'
import { startOurs } from './mem0/ours.ts'
import { searchTable, turnsTable } from './mem0/report.ts'
import { measureSearch, searchTurns } from './mem0/search.ts'
import { measureTurns } from './mem0/turns.ts'

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    conversation: { type: 'string', default: 'conv-26' },
    turns: { type: 'string', default: '100' },
    memories: { type: 'string', default: '500' },
    rounds: { type: 'string', default: '3' },
    // As long as those of text-embedding-3-small, the default of mem0ai.
    dimensions: { type: 'string', default: '1536' },
    release: { type: 'string', default: '3.3.1' },
  },
})
if (values.data === undefined) throw new Error('--data: expected a LoCoMo file, got nothing')

const script = readScript(values.data, values.conversation, whole('turns'))
const search = searchTurns(whole('memories'), script.book)
const dimensions = whole('dimensions')
const rounds = whole('rounds')
const mem0 = installMem0(values.release)
await using model = await startModel(script.book, dimensions)
const started: Mem0[] = []
const theirs = {
  name: 'mem0ai',
  id: MEM0,
  start: async () => {
    const one = await startMem0(mem0, model.url, dimensions)
    started.push(one)
    return one
  },
}
const ours = (name: string, id: string, use: { llm: boolean; embeddings: boolean }) => ({
  name,
  id,
  start: () => startOurs({ modelUrl: model.url, name: id, use }),
})

const turns = await measureTurns(
  [theirs, ours('Hippocache', 'ours', { llm: true, embeddings: true })],
  script,
  model,
  rounds,
)
const searches = await measureSearch(
  [
    theirs,
    ours('Hippocache, lexical', 'ours-lexical', { llm: false, embeddings: false }),
    ours('Hippocache, same embeddings', 'ours-embedding', { llm: false, embeddings: true }),
  ],
  search,
  model,
)

console.log(
  `\nmem0ai ${mem0.version} (OSS Memory, in-memory store, on node:sqlite) in its own process; Hippocache over HTTP.`,
)
console.log(
  `Scripted: the model, who answers at once with the facts of the data set, and embeddings of ${dimensions} dimensions.\n`,
)
console.log(
  `${script.turns.length} turns of ${values.conversation} with ${script.facts} facts, median of ${rounds} rounds\n`,
)
console.log(turnsTable(turns, script.turns.length))
console.log(
  `\nSearch in ${search.known.length} memories, ${search.known.length} questions each, interleaved\n`,
)
console.log(searchTable(searches))
const refused = started.flatMap((one) => one.refused)
console.log(
  `\nHosts that mem0ai tried to reach besides this machine: ${refused.length === 0 ? 'none' : refused.join(', ')}`,
)

function whole(option: 'turns' | 'memories' | 'rounds' | 'dimensions'): number {
  const value = Number(values[option])
  if (Number.isInteger(value) && value >= 1) return value
  throw new Error(`--${option}: expected a whole number of at least 1, got ${values[option]}`)
}
