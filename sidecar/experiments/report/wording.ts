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
  const value = formatPlainSize(size, isShare)
  return isShare ? `${value} ${value === '1' ? 'point' : 'points'}` : value
}

/** The same without `points`. */
export function formatPlainSize(size: number, isShare: boolean): string {
  const value = Math.abs(size)
  return isShare ? String(Number((value * 100).toFixed(value < 0.1 ? 1 : 0))) : formatNumber(value)
}

/** Rounds up to the digits that are printed, so that "at most" stays true. */
export function roundBoundUp(size: number, isShare: boolean): number {
  if (!(size > 0 && Number.isFinite(size))) return 0
  const smallShare = size < 0.1 ? 0.001 : 0.01
  const step = isShare ? smallShare : 10 ** (Math.floor(Math.log10(size)) - 1)
  return Math.ceil(size / step - 1e-9) * step
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

/** A name as a Markdown code span, which a name cannot end or break. */
export function code(name: string): string {
  return `\`${name.replace(/\s+/g, ' ').replaceAll('`', "'")}\``
}

/** `+1.3 %`, `-0.5 %` */
export function signedPercent(share: number): string {
  return `${share < 0 ? '' : '+'}${formatPercent(share)}`
}

/** Two significant digits, at least a multiple of ten. */
export function roundCountUp(count: number): number {
  const step = 10 ** Math.max(1, Math.floor(Math.log10(count)) - 1)
  return Math.ceil(count / step) * step
}
