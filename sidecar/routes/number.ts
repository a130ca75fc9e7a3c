/** For answers that people read: no more digits than were measured. */
export function rounded(value: number, digits = 3): number {
  const factor = 10 ** digits
  return Math.round(value * factor) / factor
}
