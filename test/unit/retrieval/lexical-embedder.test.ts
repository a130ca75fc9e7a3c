import { describe, expect, it } from 'vitest'
import { lexicalEmbedder } from '../../../sidecar/adapters/in-process/lexical-embedder.ts'

const embedder = lexicalEmbedder()

async function similarity(a: string, b: string): Promise<number> {
  const [x, y] = (await embedder.embed([a, b], 'document')) as [Float32Array, Float32Array]
  return x.reduce((sum, value, i) => sum + value * (y[i] as number), 0)
}

describe('lexicalEmbedder', () => {
  it('returns deterministic unit vectors of the configured length', async () => {
    const [first] = await embedder.embed(['Rain fell on Bergen.'], 'document')
    const [again] = await lexicalEmbedder().embed(['Rain fell on Bergen.'], 'query')
    expect(first).toHaveLength(embedder.dimensions)
    expect(Math.hypot(...(first as Float32Array))).toBeCloseTo(1, 5)
    expect(again).toEqual(first)
  })

  it('returns the zero vector for text without words', async () => {
    const [nothing] = await embedder.embed(['!?'], 'document')
    expect(nothing?.every((value) => value === 0)).toBe(true)
  })

  it('gives misspelt words similar vectors', async () => {
    const typo = await similarity('a vegetarian restaurant', 'a vegetarain restarant')
    const other = await similarity('a vegetarian restaurant', 'a broken umbrella')
    expect(typo).toBeGreaterThan(0.3)
    expect(other).toBeLessThan(0.2)
    expect(await similarity('東京で働く', '東京に住む')).toBeGreaterThan(
      await similarity('東京で働く', '犬が好き'),
    )
  })

  it('includes its dimensions in its name, and rejects invalid dimensions', () => {
    expect(lexicalEmbedder({ dimensions: 64 })).toMatchObject({ name: 'lexical-1-64', dimensions: 64 })
  })

  it('stops when aborted', async () => {
    await expect(embedder.embed(['x'], 'query', AbortSignal.abort(new Error('late')))).rejects.toThrow('late')
  })
})
