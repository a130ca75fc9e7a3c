import fc from 'fast-check'
import { expect } from 'vitest'
import type { Embedder } from '../../sidecar/ports/embedder.ts'
import { anyText } from '../helpers/any-text.ts'
import type { Case } from './contract.ts'

const PURPOSES = ['document', 'query'] as const
const TEXTS = ['I live in Berlin', 'my sister plays the cello', 'allergic to peanuts']

export const EMBEDDER_CASES: readonly Case<Embedder>[] = [
  {
    name: 'returns one vector per text, in order',
    async run(embedder) {
      for (const purpose of PURPOSES) {
        const together = await embedder.embed(TEXTS, purpose)
        expect(together).toHaveLength(TEXTS.length)
        for (const [i, text] of TEXTS.entries()) {
          expect(near(together[i], (await embedder.embed([text], purpose))[0])).toBeCloseTo(1, 4)
        }
        const backwards = await embedder.embed(TEXTS.toReversed(), purpose)
        for (const [i, vector] of backwards.toReversed().entries()) {
          expect(near(vector, together[i])).toBeCloseTo(1, 4)
        }
      }
    },
  },
  {
    name: 'returns an empty list for no texts',
    async run(embedder) {
      expect(await embedder.embed([], 'document')).toEqual([])
    },
  },
  {
    name: 'returns vectors of the declared length and norm 1',
    async run(embedder) {
      for (const purpose of PURPOSES) {
        for (const vector of await embedder.embed(TEXTS, purpose)) {
          expect(vector).toBeInstanceOf(Float32Array)
          expect(vector).toHaveLength(embedder.dimensions)
          expect(near(vector, vector)).toBeCloseTo(1, 4)
        }
      }
    },
  },
  {
    name: 'returns the zero vector for empty texts at any position',
    async run(embedder) {
      for (const purpose of PURPOSES) {
        const vectors = await embedder.embed(['', 'Berlin', ' \n\t', 'cello', ''], purpose)
        expect(vectors.map((vector) => [vector.length, Math.round(near(vector, vector))])).toEqual(
          [0, 1, 0, 1, 0].map((norm) => [embedder.dimensions, norm]),
        )
        expect(near(vectors[1], (await embedder.embed(['Berlin'], purpose))[0])).toBeCloseTo(1, 4)
      }
    },
  },
  {
    name: 'ranks the text that shares the words of the query first',
    async run(embedder) {
      const texts = await embedder.embed(TEXTS, 'document')
      for (const [i, question] of ['live in Berlin', 'sister plays cello', 'allergic peanuts'].entries()) {
        const [query] = await embedder.embed([question], 'query')
        const scores = texts.map((text) => near(text, query))
        expect(scores.indexOf(Math.max(...scores))).toBe(i)
        expect(new Set(scores).size).toBeGreaterThan(1)
      }
    },
  },
  {
    name: 'returns vectors that the caller may modify',
    async run(embedder) {
      for (const purpose of PURPOSES) {
        const [first] = await embedder.embed(['Berlin'], purpose)
        const kept = Float32Array.from(first as Float32Array)
        first?.fill(7)
        const [second] = await embedder.embed(['Berlin'], purpose)
        expect(near(second, kept)).toBeCloseTo(1, 4)
        second?.fill(7)
        expect(near((await embedder.embed(['Berlin'], purpose))[0], kept)).toBeCloseTo(1, 4)
      }
    },
  },
  {
    name: 'embeds many texts in one call',
    async run(embedder) {
      const texts = Array.from({ length: 150 }, (_, i) => `word${i} and word${i}`)
      const vectors = await embedder.embed(texts, 'document')
      expect(vectors).toHaveLength(150)
      const [last] = await embedder.embed([texts[149] as string], 'document')
      expect(near(vectors[149], last)).toBeCloseTo(1, 4)
    },
  },
  {
    name: 'embeds any text, including very long ones',
    async run(embedder) {
      await fc.assert(
        fc.asyncProperty(fc.array(anyText(), { maxLength: 4 }), async (texts) => {
          const vectors = await embedder.embed(texts, 'document')
          expect(vectors.map((vector) => vector.length)).toEqual(texts.map(() => embedder.dimensions))
          for (const vector of vectors) expect(vector.every(Number.isFinite)).toBe(true)
        }),
        { numRuns: 20 },
      )
      const long = ['word '.repeat(20_000), '東京 '.repeat(500)]
      expect(await embedder.embed(long, 'document')).toHaveLength(2)
    },
  },
  {
    name: 'rejects with the reason of an aborted signal',
    async run(embedder) {
      for (const purpose of PURPOSES) {
        const signal = AbortSignal.abort(new Error('too late'))
        await expect(embedder.embed(['something new'], purpose, signal)).rejects.toThrow('too late')
      }
    },
  },
  {
    name: 'has a name and does not modify the texts',
    async run(embedder) {
      expect(embedder.name.trim()).not.toBe('')
      const texts = Object.freeze([...TEXTS, ''])
      await embedder.embed(texts, 'document')
    },
  },
]

/** Dot product: for unit vectors their cosine. */
function near(a: Float32Array | undefined, b: Float32Array | undefined): number {
  if (!a || !b || a.length !== b.length) throw new Error('expected two vectors of one length')
  return a.reduce((sum, value, i) => sum + value * (b[i] as number), 0)
}
