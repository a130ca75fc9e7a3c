import { installMem0 } from '../mem0/install.ts'
import { startMem0 } from '../mem0/mem0.ts'
import { turnsOf } from './dataset.ts'
import type { Variant } from './evaluate.ts'

/** Length of the vectors of multilingual-e5-small. */
const DIMENSIONS = 384
const TOP_K = 40

/** mem0ai with `infer: false`: each message is one memory, as with `mode: verbatim`. One process per talk. */
export function mem0(url: string, release: string): Variant {
  const installed = installMem0(release)
  return {
    name: `mem0ai ${installed.version}, e5`,
    async open(talk) {
      const system = await startMem0(installed, url, DIMENSIONS)
      for (const { ref, user, assistant } of turnsOf(talk)) {
        const messages = [
          { role: 'user', content: user },
          { role: 'assistant', content: assistant },
        ]
        await system.store(messages, { ref })
      }
      return {
        search: (question) => system.searchTurns(question, TOP_K),
        [Symbol.asyncDispose]: () => system[Symbol.asyncDispose](),
      }
    },
  }
}
