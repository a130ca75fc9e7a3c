const INTEGER = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })
const SIGNIFICANT = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 3 })

/** `1,204` */
export function formatInteger(value: number): string {
  return INTEGER.format(value)
}

/** Three significant digits, all digits of the integer part. */
export function formatNumber(value: number): string {
  return Math.abs(value) >= 1000 ? INTEGER.format(value) : SIGNIFICANT.format(value)
}

/** `31 %` of 0.31; one decimal below 10 %. */
export function formatPercent(share: number): string {
  const percent = share * 100
  return `${Math.abs(percent) < 10 ? String(Number(percent.toFixed(1))) : INTEGER.format(percent)} %`
}

/** The size of a difference of an outcome: `4 points` of an outcome within 0…1, otherwise the number. */
export function formatSize(size: number, isShare: boolean): string {
  const value = Math.abs(size)
  if (!isShare) return formatNumber(value)
  const points = Number((value * 100).toFixed(value < 0.1 ? 1 : 0))
  return `${points} ${points === 1 ? 'point' : 'points'}`
}

/** `1 conversation`, `1,204 conversations` */
export function formatUnits(count: number, unit: string): string {
  return `${formatInteger(count)} ${unit}${count === 1 ? '' : 's'}`
}

/** `a`, `a and b`, `a, b and c` */
export function joinNames(names: readonly string[]): string {
  const [last = '', ...others] = [...names].reverse()
  return others.length === 0 ? last : `${others.reverse().join(', ')} and ${last}`
}
