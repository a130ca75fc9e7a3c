/** Length of the component that all vectors share, relative to the rest: cosines of about 0.75 between any two. */
export const COMMON = 1.7

/** Nearly normal: the sum of three uniform numbers, variance 1. */
export function noise(random: () => number, dimensions: number): Float32Array {
  const vector = new Float32Array(dimensions)
  for (let k = 0; k < dimensions; k++) vector[k] = 2 * (random() + random() + random() - 1.5)
  return vector
}

export function unit(vector: Float32Array): Float32Array {
  let squares = 0
  for (const value of vector) squares += value * value
  return vector.map((value) => value / Math.sqrt(squares))
}
