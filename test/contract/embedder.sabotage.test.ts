import { describe, expect, it } from 'vitest'
import { lexicalEmbedder } from '../../sidecar/adapters/in-process/lexical-embedder.ts'
import type { Embedder } from '../../sidecar/ports/embedder.ts'
import { caseNamed, failedCases, type Open, tryCase } from './contract.ts'
import { EMBEDDER_CASES } from './embedder.ts'

type Embed = Embedder['embed']
type Sabotage = (honest: Embedder) => Partial<Embedder>

/** Breaks every vector that is not zero. */
const each =
  (spoil: (vector: Float32Array, i: number) => Float32Array): Sabotage =>
  ({ embed }) => ({ embed: async (...args) => (await embed(...args)).map(spoil) })

const SABOTEURS: { name: string; caughtBy: string; sabotage: Sabotage }[] = [
  {
    name: 'answers in another order',
    caughtBy: 'answers one vector per text, in the order of the texts',
    sabotage: ({ embed }) => ({ embed: async (...args) => (await embed(...args)).toReversed() }),
  },
  {
    name: 'answers the first vector for all',
    caughtBy: 'answers one vector per text, in the order of the texts',
    sabotage: ({ embed }) => ({
      embed: async (...args) => {
        const vectors = await embed(...args)
        return vectors.map(() => vectors[0] as Float32Array)
      },
    }),
  },
  {
    name: 'embeds the empty list as an empty text',
    caughtBy: 'answers nothing for no texts',
    sabotage: ({ embed }) => ({ embed: (texts, ...more) => embed(texts.length > 0 ? texts : [''], ...more) }),
  },
  {
    name: 'does not normalise',
    caughtBy: 'gives every vector the length that it says, and the norm 1',
    sabotage: each((vector) => vector.map((value) => value * 2)),
  },
  {
    name: 'says another length than it has',
    caughtBy: 'gives every vector the length that it says, and the norm 1',
    sabotage: ({ dimensions }) => ({ dimensions: dimensions + 1 }),
  },
  {
    name: 'leaves empty texts out',
    caughtBy: 'gives texts with nothing in them the zero vector, wherever they stand',
    sabotage: ({ embed }) => ({
      embed: (texts, ...more) =>
        embed(
          texts.filter((text) => text.trim() !== ''),
          ...more,
        ),
    }),
  },
  {
    name: 'puts all empty texts last',
    caughtBy: 'gives texts with nothing in them the zero vector, wherever they stand',
    sabotage: ({ embed }) => ({
      embed: (texts, ...more) =>
        embed(
          texts.toSorted((a, b) => Number(!a.trim()) - Number(!b.trim())),
          ...more,
        ),
    }),
  },
  {
    name: 'divides by the norm of nothing',
    caughtBy: 'gives texts with nothing in them the zero vector, wherever they stand',
    sabotage: each((vector) => (vector.some((value) => value !== 0) ? vector : vector.map(() => Number.NaN))),
  },
  {
    name: 'finds all texts the same',
    caughtBy: 'puts a text nearer to a query in its words than another one',
    sabotage: each((vector) => vector.map((_, i) => (i === 0 ? 1 : 0))),
  },
  {
    name: 'embeds queries into another space',
    caughtBy: 'puts a text nearer to a query in its words than another one',
    sabotage: ({ embed }) => ({
      embed: async (texts, purpose, ...more) =>
        (await embed(texts, purpose, ...more)).map((v) =>
          purpose === 'query' ? v.map((value) => -value) : v,
        ),
    }),
  },
  {
    name: 'hands its cache out',
    caughtBy: 'answers vectors that the caller may change',
    sabotage: ({ embed }) => {
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
  {
    name: 'loses what is beyond one request',
    caughtBy: 'takes many texts at once',
    sabotage: ({ embed }) => ({ embed: (texts, ...more) => embed(texts.slice(0, 100), ...more) }),
  },
  {
    name: 'refuses long texts',
    caughtBy: 'takes any text, also a very long one',
    sabotage: ({ embed }) => ({
      embed: async (texts, ...more) => {
        if (texts.some((text) => text.length > 10_000)) throw new Error('400 too long')
        return await embed(texts, ...more)
      },
    }),
  },
  {
    name: 'does not look at the signal',
    caughtBy: 'rejects with the reason of an aborted signal',
    sabotage: ({ embed }) => ({ embed: (texts, purpose) => embed(texts, purpose) }),
  },
  {
    name: 'rejects an aborted request with an error of its own',
    caughtBy: 'rejects with the reason of an aborted signal',
    sabotage: ({ embed }) => ({
      embed: (...args) =>
        embed(...args).catch(() => {
          throw new Error('aborted')
        }),
    }),
  },
  {
    name: 'has no name',
    caughtBy: 'has a name, and leaves the texts as they are',
    sabotage: () => ({ name: '' }),
  },
  {
    name: 'changes the texts',
    caughtBy: 'has a name, and leaves the texts as they are',
    sabotage: ({ embed }) => ({
      embed: (texts, ...more) => {
        ;(texts as string[])[0] &&= (texts[0] as string).trim()
        return embed(texts, ...more)
      },
    }),
  },
]

const openSabotaged =
  (sabotage: Sabotage): Open<Embedder> =>
  async () => {
    const honest = lexicalEmbedder()
    return { subject: { ...honest, ...sabotage(honest) }, close: async () => {} }
  }

describe('the contract of embedders notices an adapter that', () => {
  it.each(SABOTEURS)('$name', async ({ caughtBy, sabotage }) => {
    await expect(tryCase(caseNamed(EMBEDDER_CASES, caughtBy), openSabotaged(sabotage))).rejects.toThrow()
  })

  it('does nothing of the kind, without a complaint', async () => {
    expect(
      await failedCases(
        EMBEDDER_CASES,
        openSabotaged(() => ({})),
      ),
    ).toEqual([])
  })
})
