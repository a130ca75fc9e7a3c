import uPlot from '/dashboard/files/uplot/uPlot.esm.js'
import { h } from './dom.js'
import { number } from './text.js'

/** Colours of series, readable on light and dark ground. */
export const COLORS = ['--series-1', '--series-2', '--series-3', '--series-4', '--series-5']

/** @param {string} name of a CSS variable */
export function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim()
}

/**
 * A plot that follows the width of its container and the colour scheme.
 * @param {{
 *   label: string,
 *   x: any[],
 *   series: { label: string, values: (number | null)[], color?: string, band?: boolean, points?: boolean, bars?: boolean }[],
 *   yFormat?: (value: number) => string, xFormat?: (value: number) => string,
 *   zeroLine?: boolean, yRange?: [number | null, number | null], logX?: boolean, wholeX?: boolean
 * }} options `band`: the area between this series and the one before it is filled
 */
export function plot(options) {
  const { label, x, series, yFormat = number, xFormat = number } = options
  const box = h('div.plot', { role: 'img', 'aria-label': label })
  const legend = h(
    'p.legend',
    {},
    series
      .filter((one) => one.label !== '')
      .map((one, i) =>
        h('span', { class: `key-${COLORS.indexOf(one.color ?? COLORS[i]) + 1 || 1}` }, one.label),
      ),
  )
  /** @type {any} */
  let chart
  const draw = () => {
    const width = box.clientWidth
    if (width === 0) return
    chart?.destroy()
    chart = new uPlot(
      toOptions(options, width, yFormat, xFormat),
      [x, ...series.map((one) => one.values)],
      box,
    )
  }
  new ResizeObserver(() => {
    if (chart && chart.width === box.clientWidth) return
    draw()
  }).observe(box)
  const scheme = matchMedia('(prefers-color-scheme: dark)')
  const redraw = () => (box.isConnected ? draw() : scheme.removeEventListener('change', redraw))
  scheme.addEventListener('change', redraw)
  return h('figure', {}, h('figcaption', {}, label), box, legend)
}

/** Distances of the ticks of an axis of whole numbers. */
const WHOLE_STEPS = [1, 2, 5]
  .flatMap((n) => [n, n * 10, n * 100, n * 1000, n * 10_000, n * 100_000])
  .sort((a, b) => a - b)

/** @param {any} options @param {number} width @param {(v: number) => string} yFormat @param {(v: number) => string} xFormat @returns {any} */
function toOptions({ series, logX, zeroLine, yRange, wholeX }, width, yFormat, xFormat) {
  const ink = color('--muted')
  const grid = { stroke: color('--line'), width: 1 }
  const axis = { stroke: ink, grid, ticks: grid, font: '12px system-ui, sans-serif' }
  const xValues = (/** @type {any} */ _, /** @type {number[]} */ values) =>
    values.map((value) => (value === null ? '' : xFormat(value)))
  const bands = series.flatMap((/** @type {any} */ one, /** @type {number} */ i) =>
    one.band ? [{ series: [i, i + 1], fill: `${color(one.color)}33` }] : [],
  )
  return {
    width,
    height: 220,
    legend: { show: false },
    cursor: { y: false, points: { size: 7 } },
    scales: {
      x: { time: false, ...(logX && { distr: 3 }) },
      y: {
        range: (/** @type {any} */ _, /** @type {number} */ low, /** @type {number} */ high) => {
          const bottom = yRange?.[0] ?? (zeroLine ? Math.min(0, low) : low)
          const top = yRange?.[1] ?? (zeroLine ? Math.max(0, high) : high)
          const pad = (top - bottom || Math.abs(top) || 1) * 0.08
          return [yRange?.[0] ?? bottom - pad, yRange?.[1] ?? top + pad]
        },
      },
    },
    axes: [
      { ...axis, values: xValues, ...(wholeX && { incrs: WHOLE_STEPS }) },
      {
        ...axis,
        size: 64,
        values: (/** @type {any} */ _, /** @type {number[]} */ values) =>
          values.map((v) => (v === null ? '' : yFormat(v))),
      },
    ],
    bands,
    series: [
      {},
      ...series.map((/** @type {any} */ one, /** @type {number} */ i) => ({
        label: one.label,
        stroke: color(one.color ?? COLORS[i % COLORS.length]),
        width: one.label === '' || one.band ? 1 : 2,
        spanGaps: true,
        points: { show: Boolean(one.points), size: 7 },
        ...(one.bars && {
          paths: /** @type {any} */ (uPlot.paths).bars({ size: [0.8, 40] }),
          fill: color(one.color ?? COLORS[i]),
        }),
      })),
    ],
    hooks: zeroLine ? { draw: [drawZeroLine] } : {},
  }
}

/** @param {any} chart */
function drawZeroLine(chart) {
  const { ctx, bbox } = chart
  const y = Math.round(chart.valToPos(0, 'y', true))
  if (y < bbox.top || y > bbox.top + bbox.height) return
  ctx.save()
  ctx.strokeStyle = color('--text')
  ctx.setLineDash([6, 4])
  ctx.beginPath()
  ctx.moveTo(bbox.left, y)
  ctx.lineTo(bbox.left + bbox.width, y)
  ctx.stroke()
  ctx.restore()
}
