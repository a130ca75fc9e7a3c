/*
 * A fake OpenAI endpoint for embeddings of 384 numbers: the sum of a random vector for each word, so that texts that
 * share words are near, and of one that all texts share, as with neural embedders. Prints its URL.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { seededRandom } from '../lib/generated-facts.ts'
import { COMMON, noise, unit } from '../lib/vectors.ts'
import { DIMENSIONS } from './texts.ts'

const known = new Map<string, Float32Array>()

function vectorOf(word: string): Float32Array {
  const seed = () => [...word].reduce((hash, one) => hash * 31 + one.charCodeAt(0), 7)
  const vector = known.get(word) ?? unit(noise(seededRandom(seed()), DIMENSIONS))
  known.set(word, vector)
  return vector
}

const common = vectorOf('')

function embed(text: string): Float32Array {
  const sum = new Float32Array(DIMENSIONS)
  for (const word of text.toLowerCase().match(/\w+/g) ?? []) {
    for (const [k, value] of vectorOf(word).entries()) sum[k] = (sum[k] as number) + value
  }
  const own = unit(sum)
  return unit(own.map((value, k) => value + COMMON * (common[k] as number)))
}

const server = createServer(async (incoming, outgoing) => {
  const { input } = (await json(incoming)) as { input: string | string[] }
  const data = [input].flat().map((text, index) => ({
    object: 'embedding',
    index,
    // The client asks for base64.
    embedding: Buffer.from(embed(text).buffer).toString('base64'),
  }))
  outgoing.setHeader('content-type', 'application/json')
  outgoing.end(
    JSON.stringify({ object: 'list', data, model: 'words', usage: { prompt_tokens: 1, total_tokens: 1 } }),
  )
})
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
