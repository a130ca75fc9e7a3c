/*
 * npm run bench -- mem0 --data FILE [--conversation conv-26] [--turns 100] [--memories 500] [--rounds 3]
 *   [--dimensions 1536] [--release 3.3.1]
 *
 * Feeds the same turns to the npm package mem0ai and to Hippocache, with the same scripted model, then searches the
 * same memories in both. bench/README.md describes what is scripted and what is counted.
 */
import { readOptions, requireDataFile } from './lib/options.ts'
import { readScript } from './mem0/facts.ts'
import { startHippocache } from './mem0/hippocache.ts'
import { installMem0, MEM0_RELEASE } from './mem0/install.ts'
import { createSearchTurns, measureSearch } from './mem0/measure-search.ts'
import { measureTurns } from './mem0/measure-turns.ts'
import { MEM0_ID, type Mem0, startMem0 } from './mem0/mem0.ts'
import { startModel } from './mem0/model.ts'
import { formatSearches, formatTurns } from './mem0/report.ts'

const options = readOptions({
  data: '',
  conversation: 'conv-26',
  turns: 100,
  memories: 500,
  rounds: 3,
  // The size of text-embedding-3-small, the default of mem0ai.
  dimensions: 1536,
  release: MEM0_RELEASE,
})
const { dimensions, rounds } = options
const script = readScript(requireDataFile(options.data), options.conversation, options.turns)
const search = createSearchTurns(options.memories, script.book)
const mem0 = installMem0(options.release)
await using model = await startModel(script.book, dimensions)
const started: Mem0[] = []
const mem0ai = {
  name: 'mem0ai',
  id: MEM0_ID,
  start: async () => {
    const system = await startMem0(mem0, model.url, dimensions)
    started.push(system)
    return system
  },
}
const hippocache = (name: string, id: string, use: { llm: boolean; embeddings: boolean }) => ({
  name,
  id,
  start: () => startHippocache({ modelUrl: model.url, id, use }),
})

const turns = await measureTurns(
  [mem0ai, hippocache('Hippocache', 'hippocache', { llm: true, embeddings: true })],
  script,
  model,
  rounds,
)
const searches = await measureSearch(
  [
    mem0ai,
    hippocache('Hippocache, lexical', 'hippocache-lexical', { llm: false, embeddings: false }),
    hippocache('Hippocache, same embeddings', 'hippocache-embedding', { llm: false, embeddings: true }),
  ],
  search,
  model,
)

console.log(
  `\nmem0ai ${mem0.version} (OSS Memory, in-memory stores on node:sqlite) called in its process; Hippocache called over HTTP.`,
)
console.log(
  `Both use a scripted model that answers at once with the facts of the data set, and hashed embeddings of ${dimensions} dimensions.\n`,
)
console.log(
  `${script.turns.length} turns of ${options.conversation} with ${script.facts} facts, median of ${rounds} rounds\n`,
)
console.log(formatTurns(turns, script.turns.length))
console.log(
  `\nSearch in ${search.facts.length} memories, ${search.facts.length} questions per system, alternating\n`,
)
console.log(formatSearches(searches))
const refused = started.flatMap((one) => one.refused)
console.log(
  `\nRemote hosts that mem0ai tried to reach (all refused): ${refused.length === 0 ? 'none' : refused.join(', ')}`,
)
