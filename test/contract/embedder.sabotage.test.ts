import { lexicalEmbedder } from '../../sidecar/adapters/in-process/lexical-embedder.ts'
import type { Embedder } from '../../sidecar/ports/embedder.ts'
import { type Open, type Saboteurs, testSaboteurs } from './contract.ts'
import { EMBEDDER_CASES } from './embedder.ts'

type Embed = Embedder['embed']
type Sabotage = (honest: Embedder) => Partial<Embedder>

/** Breaks every vector that is not zero. */
const each =
  (spoil: (vector: Float32Array, i: number) => Float32Array): Sabotage =>
  ({ embed }) => ({ embed: async (...args) => (await embed(...args)).map(spoil) })

const SABOTEURS: Saboteurs<Sabotage> = {
  'returns one vector per text, in order': {
    'answers in another order': ({ embed }) => ({
      embed: async (...args) => (await embed(...args)).toReversed(),
    }),
    'answers the first vector for all': ({ embed }) => ({
      embed: async (...args) => {
        const vectors = await embed(...args)
        return vectors.map(() => vectors[0] as Float32Array)
      },
    }),
  },
  'returns an empty list for no texts': {
    'embeds the empty list as an empty text': ({ embed }) => ({
      embed: (texts, ...more) => embed(texts.length > 0 ? texts : [''], ...more),
    }),
  },
  'returns vectors of the declared length and norm 1': {
    'does not normalise': each((vector) => vector.map((value) => value * 2)),
    'says another length than it has': ({ dimensions }) => ({ dimensions: dimensions + 1 }),
  },
  'returns the zero vector for empty texts at any position': {
    'leaves empty texts out': ({ embed }) => ({
      embed: (texts, ...more) =>
        embed(
          texts.filter((text) => text.trim() !== ''),
          ...more,
        ),
    }),
    'puts all empty texts last': ({ embed }) => ({
      embed: (texts, ...more) =>
        embed(
          texts.toSorted((a, b) => Number(!a.trim()) - Number(!b.trim())),
          ...more,
        ),
    }),
    'divides by the norm of nothing': each((vector) =>
      vector.some((value) => value !== 0) ? vector : vector.map(() => Number.NaN),
    ),
  },
  'ranks the text that shares the words of the query first': {
    'finds all texts the same': each((vector) => vector.map((_, i) => (i === 0 ? 1 : 0))),
    'embeds queries into another space': ({ embed }) => ({
      embed: async (texts, purpose, ...more) =>
        (await embed(texts, purpose, ...more)).map((v) =>
          purpose === 'query' ? v.map((value) => -value) : v,
        ),
    }),
  },
  'returns vectors that the caller may modify': {
    'hands its cache out': ({ embed }) => {
      const cache = new Map<string, Float32Array>()
      const cached: Embed = async (texts, ...more) => {
        const vectors = await embed(texts, ...more)
        return vectors.map((vector, i) => {
          const text = texts[i] as string
          if (!cache.has(text)) cache.set(text, vector)
          return cache.get(text) as Float32Array
        })
      }
      return { embed: cached }
    },
  },
  'embeds many texts in one call': {
    'loses what is beyond one request': ({ embed }) => ({
      embed: (texts, ...more) => embed(texts.slice(0, 100), ...more),
    }),
  },
  'embeds any text, including very long ones': {
    'refuses long texts': ({ embed }) => ({
      embed: async (texts, ...more) => {
        if (texts.some((text) => text.length > 10_000)) throw new Error('400 too long')
        return await embed(texts, ...more)
      },
    }),
  },
  'rejects with the reason of an aborted signal': {
    'does not look at the signal': ({ embed }) => ({ embed: (texts, purpose) => embed(texts, purpose) }),
    'rejects an aborted request with an error of its own': ({ embed }) => ({
      embed: (...args) =>
        embed(...args).catch(() => {
          throw new Error('aborted')
        }),
    }),
  },
  'has a name and does not modify the texts': {
    'has no name': () => ({ name: '' }),
    'changes the texts': ({ embed }) => ({
      embed: (texts, ...more) => {
        ;(texts as string[])[0] &&= (texts[0] as string).trim()
        return embed(texts, ...more)
      },
    }),
  },
}

const openSabotaged =
  (sabotage: Sabotage = () => ({})): Open<Embedder> =>
  async () => {
    const honest = lexicalEmbedder()
    return { subject: { ...honest, ...sabotage(honest) }, close: async () => {} }
  }

testSaboteurs('embedders', EMBEDDER_CASES, SABOTEURS, openSabotaged)
