import { vectorOf } from '../../common/embeddings.ts'
import { member } from '../json.ts'

/** The L2-normalised vectors of a response, in the order of the texts. `invalid` creates the error for any other. */
export function vectorsOf(
  body: unknown,
  expected: { count: number; dimensions: number | undefined },
  invalid: (got: string) => Error,
): Float32Array[] {
  const data = member(body, 'data')
  if (!Array.isArray(data)) throw invalid(body ? 'a body that is not a list of embeddings' : 'nothing')
  if (data.length !== expected.count) throw invalid(`${data.length} embeddings for ${expected.count} texts`)
  const vectors = new Map<number, Float32Array>()
  let { dimensions } = expected
  for (const [position, item] of data.entries()) {
    const index = Number(member(item, 'index') ?? position)
    if (!(index in data)) throw invalid('an embedding whose index is out of range')
    if (vectors.has(index)) throw invalid('two embeddings with the same index')
    const vector = vectorOf(member(item, 'embedding'), dimensions, invalid)
    dimensions ??= vector.length
    vectors.set(index, vector)
  }
  return data.map((_, i) => vectors.get(i) as Float32Array)
}
