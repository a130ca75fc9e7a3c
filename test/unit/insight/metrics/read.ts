export interface ReadMetrics {
  /** The sum over all samples that have these labels; `undefined` without a sample. */
  value: (name: string, labels?: Record<string, string>) => number | undefined
  labelsOf: (name: string) => Record<string, string>[]
  names: string[]
}

const LINE = /^([a-z_:][a-z0-9_:]*)(?:\{(.*)\})? (-?[\d.e+-]+|\+?Inf|-Inf|NaN)$/i

/**
 * Parses the Prometheus text format 0.0.4.
 * @throws {Error} for an invalid line
 */
export function readMetrics(text: string): ReadMetrics {
  if (!text.endsWith('\n')) throw new Error('expected a newline at the end')
  const samples = text.split('\n').flatMap((line) => {
    if (line === '' || line.startsWith('# HELP ') || line.startsWith('# TYPE ')) return []
    const [, name, inner = '', value] = LINE.exec(line) ?? []
    if (name === undefined) throw new Error(`expected a sample, got ${line}`)
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
