import { expect } from 'vitest'
import type { Reranker } from '../../sidecar/ports/reranker.ts'
import type { Case } from './contract.ts'

/** A reranker whose endpoint scores a document by the share of the words of the query that it has. */
export interface RerankerSubject {
  reranker: Reranker
  /** The endpoint fails from now on. */
  fail(): void
  /** The endpoint takes requests and never answers; resolves when it has one. */
  hang(): Promise<void>
  /** Lets the deadlines under way pass. */
  expire(): void
  /** Requests that the endpoint received. */
  requests(): number
}

const QUERY = 'red apple'
const DOCUMENTS = ['a green pear', 'a red apple', 'a red cherry']

export const RERANKER_CASES: readonly Case<RerankerSubject>[] = [
  {
    name: 'scores every document in 0…1, in the order of the documents',
    async run({ reranker }) {
      const scores = (await reranker.rerank(QUERY, DOCUMENTS)) as number[]
      expect(scores).toHaveLength(3)
      for (const score of scores) expect(score >= 0 && score <= 1).toBe(true)
      const [pear, apple, cherry] = scores as [number, number, number]
      expect(apple).toBeGreaterThan(cherry)
      expect(cherry).toBeGreaterThan(pear)
    },
  },
  {
    name: 'scores nothing for no documents, empty documents or an empty query, without a request',
    async run({ reranker, requests }) {
      expect(await reranker.rerank(QUERY, [])).toEqual([])
      expect(await reranker.rerank(QUERY, ['', ' '])).toEqual([undefined, undefined])
      expect(await reranker.rerank(' ', ['a'])).toEqual([undefined])
      expect(requests()).toBe(0)
    },
  },
  {
    name: 'keeps the places of documents that it does not score',
    async run({ reranker }) {
      const scores = await reranker.rerank(QUERY, ['', 'a red apple', ' ', 'a pear'])
      expect(scores?.map((score) => typeof score)).toEqual(['undefined', 'number', 'undefined', 'number'])
    },
  },
  {
    name: 'scores a bounded number of documents of any length with one request',
    async run({ reranker, requests }) {
      const documents = new Array(reranker.maxDocuments + 50).fill(`a red apple ${'x'.repeat(100_000)}`)
      const scores = await reranker.rerank(QUERY, documents)
      expect(scores).toHaveLength(documents.length)
      expect(scores?.filter((score) => score !== undefined)).toHaveLength(reranker.maxDocuments)
      expect(requests()).toBe(1)
    },
  },
  {
    name: 'answers undefined when the endpoint fails, after one request',
    async run({ reranker, fail, requests }) {
      fail()
      expect(await reranker.rerank(QUERY, DOCUMENTS)).toBeUndefined()
      expect(requests()).toBe(1)
    },
  },
  {
    name: 'answers undefined past its deadline',
    async run({ reranker, hang, expire }) {
      const received = hang()
      const late = reranker.rerank(QUERY, DOCUMENTS)
      await received
      expire()
      expect(await late).toBeUndefined()
    },
  },
  {
    name: 'rejects with the reason of an aborted signal',
    async run({ reranker, hang }) {
      const aborted = AbortSignal.abort(new Error('left'))
      await expect(reranker.rerank(QUERY, DOCUMENTS, aborted)).rejects.toThrow('left')
      const received = hang()
      const leaving = new AbortController()
      const left = expect(reranker.rerank(QUERY, DOCUMENTS, leaving.signal)).rejects.toThrow('gone')
      await received
      leaving.abort(new Error('gone'))
      await left
    },
  },
]
