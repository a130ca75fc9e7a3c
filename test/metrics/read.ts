export interface ReadMetrics {
  /** The sum over the lines with these labels, and maybe others; `undefined` where there is none. */
  value: (name: string, labels?: Record<string, string>) => number | undefined
  labelsOf: (name: string) => Record<string, string>[]
  names: string[]
}

const LINE = /^([a-z_:][a-z0-9_:]*)(?:\{(.*)\})? (-?[\d.e+-]+|\+?Inf|-Inf|NaN)$/i

/**
 * Reads the text format of Prometheus, version 0.0.4.
 * @throws {Error} for a line that is none
 */
export function readMetrics(text: string): ReadMetrics {
  if (!text.endsWith('\n')) throw new Error('the last line does not end')
  const samples = text.split('\n').flatMap((line) => {
    if (line === '' || line.startsWith('# HELP ') || line.startsWith('# TYPE ')) return []
    const [, name, inner = '', value] = LINE.exec(line) ?? []
    if (name === undefined) throw new Error(`not a line of the format: ${line}`)
    const labels = [...inner.matchAll(/([a-z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)/gi)]
    return [{ name, value: Number(value), labels: Object.fromEntries(labels.map(([, k, v]) => [k, v])) }]
  })
  return {
    value(name, labels = {}) {
      const found = samples.filter(
        (one) => one.name === name && Object.entries(labels).every(([k, v]) => one.labels[k] === v),
      )
      return found.length === 0 ? undefined : found.reduce((sum, one) => sum + one.value, 0)
    },
    labelsOf: (name) => samples.filter((one) => one.name === name).map(({ labels }) => labels),
    names: [...new Set(samples.map(({ name }) => name))],
  }
}
