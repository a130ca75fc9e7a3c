import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type LocalEmbedderOptions, openLocalEmbedder } from '../../../sidecar/adapters/local/embedder.ts'
import { testContract } from '../../contract/contract.ts'
import { EMBEDDER_CASES } from '../../contract/embedder.ts'
import { tempDir } from '../../helpers/temp-dir.ts'
import { writeTinyModel } from '../../helpers/tiny-model.ts'

const MODEL = 'test/multilingual-e5-tiny'
const WORDS =
  'I live in Berlin my sister plays the cello allergic to peanuts something new query: passage: probe'

/** A package with the part of @huggingface/transformers that is used, which counts words by their hash. */
function fakeLibrary(dataDir: string): string {
  const path = join(dataDir, 'library.mjs')
  const calls = join(dataDir, 'calls.jsonl')
  writeFileSync(
    path,
    `import { appendFileSync, existsSync } from 'node:fs'
     export const env = {}
     export async function pipeline(task, model, options) {
       appendFileSync(${JSON.stringify(calls)}, JSON.stringify({ task, model, options, env }) + '\\n')
       return async (texts, options) => {
         appendFileSync(${JSON.stringify(calls)}, JSON.stringify({ texts, options }) + '\\n')
         if (texts.some((text) => text.includes('hang'))) for (;;) ;
         if (texts.some((text) => text.includes('fail'))) throw new Error('out of memory')
         const data = new Float32Array(texts.length * 64)
         texts.forEach((text, i) => {
           for (const word of text.split(/\\s+/).slice(1)) {
             let hash = 0
             for (const letter of word) hash = (hash * 31 + letter.codePointAt(0)) % 63
             data[i * 64 + hash] += 1
           }
           data[i * 64 + 63] += 0.1
           const norm = Math.hypot(...data.subarray(i * 64, (i + 1) * 64))
           for (let k = 0; k < 64; k++) data[i * 64 + k] /= norm
         })
         return { data, dims: [texts.length, 64] }
       }
     }`,
  )
  return path
}

function fakeOptions(rest: Partial<LocalEmbedderOptions> = {}) {
  const dataDir = tempDir()
  return { model: MODEL, dataDir, library: fakeLibrary(dataDir), ...rest }
}

const callsOf = (dataDir: string) =>
  readFileSync(join(dataDir, 'calls.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

testContract('a local model', EMBEDDER_CASES, async () => ({
  subject: await openLocalEmbedder(fakeOptions()),
  close: async () => {},
}))

describe('a local embedding model', () => {
  it('is loaded once, pools and normalises, and gets the prefixes that it was trained with', async () => {
    const options = fakeOptions()
    const embedder = await openLocalEmbedder(options)
    await embedder.embed(['I live in Berlin'], 'document')
    await embedder.embed(['where do I live'], 'query')
    await embedder.embed(['where do I live'], 'query')
    const folder = join(options.dataDir, 'models')
    expect(callsOf(options.dataDir)).toEqual([
      {
        task: 'feature-extraction',
        model: MODEL,
        options: { dtype: 'q8' },
        env: { cacheDir: folder, localModelPath: folder, allowLocalModels: true },
      },
      ...['query: probe', 'passage: I live in Berlin', 'query: where do I live'].map((text) => ({
        texts: [text],
        options: { pooling: 'mean', normalize: true },
      })),
    ])
    expect(embedder.name).toMatch(/^local:test\/multilingual-e5-tiny-64\+prefixes-/)
    const plain = await openLocalEmbedder(fakeOptions({ prefixes: { query: '', document: '' } }))
    expect(plain.name).toBe('local:test/multilingual-e5-tiny-64')
  })

  it('does not block the event loop, and is loaded again after a deadline', async () => {
    const options = fakeOptions({ timeoutMs: 1500 })
    const embedder = await openLocalEmbedder(options)
    let ticks = 0
    const timer = setInterval(() => (ticks += 1), 10)
    await expect(embedder.embed(['hang'], 'document')).rejects.toMatchObject({
      name: 'ModelUnavailable',
      reason: 'timeout',
      message: expect.stringContaining('did not answer in 1500 ms'),
    })
    clearInterval(timer)
    expect(ticks).toBeGreaterThan(1)
    expect(await embedder.embed(['Berlin'], 'document')).toHaveLength(1)
    expect(callsOf(options.dataDir).filter(({ task }) => task)).toHaveLength(2)
  })

  it('reports an error of the model as unavailable', async () => {
    const embedder = await openLocalEmbedder(fakeOptions())
    await expect(embedder.embed(['fail'], 'document')).rejects.toMatchObject({
      name: 'ModelUnavailable',
      message: expect.stringContaining('out of memory'),
    })
  })

  it('names the command that installs the package if it is missing', async () => {
    const opened = openLocalEmbedder({ ...fakeOptions(), library: '@huggingface/not-there' })
    await expect(opened).rejects.toThrow(
      /not installed.*`npm install --no-save --ignore-scripts @huggingface\/transformers@4`/,
    )
  })
})

/** Entry file of @huggingface/transformers, which is no dependency: from TRANSFORMERS_FROM, a folder that has it. */
function installedLibrary(): string | undefined {
  const from = process.env['TRANSFORMERS_FROM']
  if (!from || !existsSync(from)) return undefined
  return createRequire(join(from, 'package.json'))
    .resolve('@huggingface/transformers')
    .replace(/\.cjs$/, '.mjs')
}

const library = installedLibrary()

describe.skipIf(!library)(
  'a real model (set TRANSFORMERS_FROM to a folder with @huggingface/transformers)',
  () => {
    const open = async () => {
      const dataDir = tempDir()
      writeTinyModel(join(dataDir, 'models'), MODEL, WORDS.split(' '))
      return await openLocalEmbedder({ model: MODEL, dataDir, library })
    }

    testContract('a model in the data folder', EMBEDDER_CASES, async () => ({
      subject: await open(),
      close: async () => {},
    }))

    it('pools over the words of each text, whatever the others in its batch', async () => {
      const embedder = await open()
      const [long, short] = await embedder.embed(['Berlin cello Berlin cello', 'Berlin cello'], 'document')
      expect(embedder.dimensions).toBe(32)
      const [alone] = await embedder.embed(['Berlin cello'], 'document')
      const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, i) => sum + x * (b[i] as number), 0)
      expect(dot(short as Float32Array, alone as Float32Array)).toBeCloseTo(1, 5)
      expect(dot(long as Float32Array, alone as Float32Array)).toBeGreaterThan(0.8)
    })

    it('says that a model cannot be found or downloaded', async () => {
      const opened = openLocalEmbedder({ model: 'test/absent', dataDir: tempDir(), library })
      await expect(opened).rejects.toThrow(/^The local model test\/absent: /)
    })
  },
)
