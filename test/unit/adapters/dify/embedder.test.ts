import { describe, expect, it } from 'vitest'
import { difyEmbedder } from '../../../../sidecar/adapters/dify/embedder.ts'
import type { Answered } from '../../../../sidecar/adapters/dify/model-requests.ts'
import { type ModelCall, ModelUnavailable } from '../../../../sidecar/ports/language-model.ts'
import type { LedgerEntry } from '../../../../sidecar/ports/ledger.ts'

/** An embedder of two dimensions over a client that answers at once. */
function subject(
  vectors: (texts: readonly string[]) => unknown[],
  more: { model?: string; dimensions?: number } = {},
) {
  const calls: (Extract<ModelCall, { texts: unknown }> & { scope: string })[] = []
  const rows: LedgerEntry[] = []
  const { model = 'text-embedding-3-small', dimensions = 2 } = more
  const embedder = difyEmbedder({
    ...{ model, dimensions },
    namespaceOf: (scope) => scope.split('/')[0] as string,
    record: (row) => rows.push(row),
    requests: {
      isReachable: (scope, kind) => scope === 'a/ada' && kind === 'document',
      async run(scope, call): Promise<Answered> {
        if (call.kind === 'completion') throw new Error('expected texts')
        calls.push({ ...call, scope })
        const answer = { text: '', finish: 'stop', model: 'of Dify', tokensIn: 3, tokensOut: 0 } as const
        return { ...answer, vectors: vectors(call.texts) }
      },
    },
  })
  return { embedder, calls, rows }
}

const ADA = { scope: 'a/ada' }

describe('the embedding model of Dify', () => {
  it('normalises numbers and base64, and records the tokens', async () => {
    const packed = Buffer.from(new Float32Array([0, -2]).buffer).toString('base64')
    const { embedder, calls, rows } = subject(() => [[3, 4], packed])
    const vectors = await embedder.embed(['one', '', 'two'], 'document', undefined, ADA)
    const rounded = vectors.map((vector) => [...vector].map((value) => Math.round(value * 10) / 10))
    expect(rounded).toEqual([
      [0.6, 0.8],
      [0, 0],
      [0, -1],
    ])
    expect(calls).toEqual([{ kind: 'document', texts: ['one', 'two'], scope: 'a/ada' }])
    const row = { purpose: 'embed', model: 'of Dify', outcome: 'ok', tokensIn: 3, scope: 'a/ada' }
    expect(rows).toEqual([expect.objectContaining(row)])
    expect(embedder.name).toBe('text-embedding-3-small@dify-2')
    expect([embedder.isReachable?.('a/ada'), embedder.isReachable?.('a/bob')]).toEqual([true, false])
  })

  it.each([
    ['too few vectors', [[1, 0]]],
    [
      'another length',
      [
        [1, 0],
        [1, 0, 0],
      ],
    ],
    [
      'numbers that are not finite',
      [
        [1, 0],
        [Number.NaN, 1],
      ],
    ],
    [
      'zeros only',
      [
        [1, 0],
        [0, 0],
      ],
    ],
    ['text that is not base64 of floats', [[1, 0], 'abc']],
  ])('rejects %s, and records it', async (_, vectors) => {
    const { embedder, rows } = subject(() => vectors)
    const embedding = embedder.embed(['one', 'two'], 'document', undefined, ADA)
    await expect(embedding).rejects.toMatchObject({ name: 'ModelUnavailable', reason: 'bad_answer' })
    expect(rows).toEqual([expect.objectContaining({ outcome: 'bad_answer' })])
  })

  it('records no request that no client took', async () => {
    const { embedder, rows } = subject(() => {
      throw new ModelUnavailable('unreachable', 'none')
    })
    await expect(embedder.embed(['one'], 'query', undefined, ADA)).rejects.toThrow('none')
    expect(rows).toEqual([])
  })

  it('asks once for a repeated query of a namespace', async () => {
    const { embedder, calls } = subject((texts) => texts.map(() => [1, 0]))
    for (const scope of ['a/ada', 'a/bob', 'b/ada'])
      await embedder.embed(['who?'], 'query', undefined, { scope })
    expect(calls.map(({ scope }) => scope)).toEqual(['a/ada', 'b/ada'])
  })

  it('adds the prefixes of a known model, and sends few texts at once where vectors are long', async () => {
    const { embedder, calls } = subject((texts) => texts.map(() => Array(16_384).fill(1)), {
      ...{ model: 'intfloat/multilingual-e5-small', dimensions: 16_384 },
    })
    await embedder.embed(['1', '2', '3', '4', '5'], 'document', undefined, ADA)
    expect(calls.map(({ texts }) => texts)).toEqual([
      ['passage: 1', 'passage: 2', 'passage: 3', 'passage: 4'],
      ['passage: 5'],
    ])
  })
})
