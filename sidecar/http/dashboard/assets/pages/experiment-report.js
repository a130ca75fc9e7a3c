import { h } from '../lib/dom.js'
import { COLORS, plot } from '../lib/plot.js'
import { milliseconds, number, percent, t, textOr } from '../lib/text.js'
import { card, numberTable, tile, tiles, withCode } from '../lib/widgets.js'

/** The report of an experiment, as computed by the sidecar. @param {any} report */
export function reportView(report) {
  const { conclusion, warnings, sample_ratio: ratio, arms, differences, settings, outcome } = report
  return [
    h(
      'section.card',
      {},
      h('h2', {}, t(`conclusion.${conclusion.kind}`, { arm: conclusion.arm ?? '' })),
      h('p.verdict', { lang: 'en' }, withCode(conclusion.sentence)),
      ratio.is_alarm &&
        h(
          'p.notice.error',
          {},
          t('report.ratioAlarm', { p: number(ratio.p_value, { maximumSignificantDigits: 2 }) }),
        ),
      ...warnings.map((/** @type {string} */ text) => h('p.notice', { lang: 'en' }, withCode(text))),
    ),
    tiles(
      tile(
        t('report.units'),
        number(report.units),
        t('report.planned', { units: number(settings.planned_units) }),
      ),
      tile(t('report.turns'), number(report.turns)),
      tile(t('report.outcome'), outcome, t('report.confidence', { share: percent(settings.confidence) })),
      tile(
        t('report.ratio'),
        ratio.is_alarm ? t('report.ratioBad') : t('report.ratioGood'),
        `p = ${number(ratio.p_value)}`,
      ),
    ),
    card(t('report.differences'), differencePlot(report), differenceTable(differences)),
    card(t('report.arms'), armTable(arms, outcome)),
    card(t('report.latency'), latencyPlot(arms)),
    arms.some((/** @type {any} */ arm) => arm.overlap_by_age.length > 0) &&
      card(t('report.overlap'), overlapPlot(arms)),
    card(t('report.cache'), cacheTable(arms)),
  ]
}

/** A value with its interval. @param {any} estimate @param {(value: number) => string} format */
function interval(estimate, format) {
  if (!estimate || estimate.value === null) return '–'
  const { value, low, high } = estimate
  const range = low === null ? '' : ` (${format(low)} … ${format(high)})`
  return [format(value), h('small', {}, range)]
}

/** @param {any[]} arms @param {string} outcome */
function armTable(arms, outcome) {
  const names = (/** @type {string[]} */ ...keys) => keys.map((name) => t(`column.${name}`))
  const hasCost = arms.some((arm) => arm.cost_per_turn)
  return numberTable(
    t('report.arms'),
    [
      ...names('arm', 'units', 'turns'),
      outcome,
      ...names('tokens', 'billed', ...(hasCost ? ['cost'] : []), 'p50', 'p95', 'hitRate', 'prefix'),
    ],
    arms.map((arm) => [
      [h('strong', {}, arm.name), h('small', {}, arm.is_baseline ? t('report.baseline') : '')],
      number(arm.units),
      number(arm.turns),
      interval(arm.outcomes.find((/** @type {any} */ one) => one.name === outcome)?.mean, number),
      interval(arm.tokens_per_turn, whole),
      interval(arm.billed_tokens_per_turn, whole),
      ...(hasCost ? [interval(arm.cost_per_turn, number)] : []),
      interval(arm.latency_ms.p50, milliseconds),
      interval(arm.latency_ms.p95, milliseconds),
      interval(arm.cache.hit_rate, percent),
      percent(arm.prefix_reuse),
    ]),
  )
}

/** @param {number} value */
function whole(value) {
  return number(value, { maximumFractionDigits: 0 })
}

/** @param {any[]} differences */
function differenceTable(differences) {
  const head = ['comparison', 'metric', 'difference', 'relative', 'verdict', 'mde'].map((name) =>
    t(`column.${name}`),
  )
  return numberTable(
    t('report.differences'),
    head,
    differences.map((one) => [
      `${one.arm} − ${one.baseline}`,
      textOr(`metric.${one.metric}`, one.metric),
      one.status === 'compared' ? interval(one, signed) : t(`difference.${one.status}`),
      interval(one.relative, signedPercent),
      h(`span.tag.${VERDICT_TAGS[/** @type {'better'} */ (one.verdict)]}`, {}, t(`verdict.${one.verdict}`)),
      number(one.minimum_detectable_effect),
    ]),
  )
}

const VERDICT_TAGS = { better: 'ok', worse: 'failed', undecided: 'plain' }

/** @param {number} value */
function signed(value) {
  return number(value, { maximumSignificantDigits: 3, signDisplay: 'exceptZero' })
}

/** @param {number} value */
function signedPercent(value) {
  return number(value, { style: 'percent', maximumFractionDigits: 1, signDisplay: 'exceptZero' })
}

/** The difference of the outcome with its confidence sequence, over the units. @param {any} report */
function differencePlot({ series, outcome, baseline }) {
  const points = series.filter((/** @type {any} */ { differences }) =>
    differences.some((/** @type {any} */ one) => one.value !== null),
  )
  if (points.length < 2) return h('p.muted', {}, t('report.tooEarly'))
  const names = points[0].differences.map((/** @type {any} */ { arm }) => arm)
  const values = (/** @type {number} */ i, /** @type {string} */ key) =>
    points.map((/** @type {any} */ point) => point.differences[i]?.[key] ?? null)
  return plot({
    label: t('report.differencePlot', { outcome, baseline }),
    x: points.map((/** @type {any} */ { units }) => units),
    wholeX: true,
    yFormat: signed,
    zeroLine: true,
    series: names.flatMap((/** @type {string} */ arm, /** @type {number} */ i) => {
      const color = COLORS[i % COLORS.length]
      return [
        { label: '', color, values: values(i, 'high') },
        { label: '', color, values: values(i, 'low'), band: true },
        { label: arm, color, values: values(i, 'value') },
      ]
    }),
  })
}

/** Points per decade of a latency plot. */
const STEPS = 6

/** Share of the turns by duration. @param {any[]} arms */
function latencyPlot(arms) {
  const stepOf = (/** @type {any} */ { from, to }) =>
    Math.round(Math.log10(from > 0 ? Math.sqrt(from * to) : to / 2) * STEPS)
  const steps = arms.flatMap((arm) => arm.latency_ms.histogram.map(stepOf))
  if (steps.length < 2) return h('p.muted', {}, t('report.tooEarly'))
  const first = Math.min(...steps) - 1
  const all = Array.from({ length: Math.max(...steps) - first + 2 }, (_, i) => first + i)
  return plot({
    label: t('report.latencyPlot'),
    x: all.map((step) => 10 ** (step / STEPS)),
    logX: true,
    xFormat: milliseconds,
    yFormat: percent,
    yRange: [0, null],
    series: arms.map((arm) => {
      const turns = new Map()
      for (const one of arm.latency_ms.histogram)
        turns.set(stepOf(one), (turns.get(stepOf(one)) ?? 0) + one.turns)
      return { label: arm.name, values: all.map((step) => (turns.get(step) ?? 0) / arm.turns) }
    }),
  })
}

/** @param {any[]} arms */
function overlapPlot(arms) {
  const shown = arms.filter((arm) => arm.overlap_by_age.length > 0)
  const ages = [
    ...new Set(shown.flatMap((arm) => arm.overlap_by_age.map((/** @type {any} */ { age }) => age))),
  ].sort((a, b) => a - b)
  return plot({
    label: t('report.overlapPlot'),
    x: ages,
    wholeX: true,
    yFormat: percent,
    yRange: [0, 1],
    series: shown.map((arm) => {
      const byAge = new Map(arm.overlap_by_age.map((/** @type {any} */ one) => [one.age, one.overlap]))
      return {
        label: arm.name,
        color: COLORS[arms.indexOf(arm) % COLORS.length],
        points: true,
        values: ages.map((age) => byAge.get(age) ?? null),
      }
    }),
  })
}

/** @param {any[]} arms */
function cacheTable(arms) {
  const rows = arms.flatMap((arm) =>
    arm.cache.results.map((/** @type {any} */ one) => [
      arm.name,
      one.result === 'hit' ? t('cache.hit') : textOr(`reason.${one.reason}`, one.reason),
      number(one.turns),
      percent(one.share),
    ]),
  )
  return numberTable(
    t('report.cache'),
    ['arm', 'reason', 'turns', 'share'].map((name) => t(`column.${name}`)),
    rows,
  )
}
