import { member } from './json.ts'

/**
 * The normalised vectors in the response of `POST /embeddings`, in the order of the texts. `invalid` creates the error for
 * any other response.
 */
export function vectorsOf(
  body: unknown,
  expected: { count: number; dimensions: number | undefined },
  invalid: (got: string) => Error,
): Float32Array[] {
  const data = member(body, 'data')
  if (!Array.isArray(data)) throw invalid(body ? 'a body that is not a list of embeddings' : 'nothing')
  if (data.length !== expected.count) {
    throw invalid(`${data.length} embeddings for ${expected.count} texts`)
  }
  const vectors = new Array<Float32Array | undefined>(data.length).fill(undefined)
  for (const [position, item] of data.entries()) {
    const index = member(item, 'index') ?? position
    if (!Number.isInteger(index) || (index as number) < 0 || (index as number) >= data.length) {
      throw invalid('an embedding whose index is out of range')
    }
    if (vectors[index as number]) throw invalid('two embeddings with the same index')
    const vector = numbersOf(member(item, 'embedding'))
    if (!vector || vector.length === 0) throw invalid('an embedding without numbers')
    const dimensions = expected.dimensions ?? vectors.find((other) => other)?.length
    if (dimensions !== undefined && vector.length !== dimensions) {
      throw invalid(`an embedding of ${vector.length} numbers instead of ${dimensions}`)
    }
    vectors[index as number] = unit(vector, invalid)
  }
  return vectors as Float32Array[]
}

/** An array of numbers, or the base64 of little-endian 32-bit floats. */
function numbersOf(embedding: unknown): Float32Array | undefined {
  if (typeof embedding === 'string') {
    const bytes = Buffer.from(embedding, 'base64')
    if (bytes.length % 4 !== 0) return undefined
    return Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4))
  }
  if (!Array.isArray(embedding) || !embedding.every((value) => typeof value === 'number')) return undefined
  return Float32Array.from(embedding)
}

function unit(vector: Float32Array, invalid: (got: string) => Error): Float32Array {
  let sum = 0
  for (const value of vector) sum += value * value
  if (sum === 0) throw invalid('an embedding of zeros only')
  if (!Number.isFinite(sum)) throw invalid('an embedding with numbers that are not finite')
  const length = Math.sqrt(sum)
  for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] as number) / length
  return vector
}
