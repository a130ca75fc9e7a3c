import { call, get } from '../lib/api.js'
import { fill, h } from '../lib/dom.js'
import { plot } from '../lib/plot.js'
import { milliseconds, number, percent, t, textOr, time } from '../lib/text.js'
import { button, card, live, loading, numberTable, table, tile, tiles, working } from '../lib/widgets.js'

/** Minutes with recalls from which a line is worth drawing. */
const MIN_POINTS = 3

/** @param {any} main */
export function overviewPage(main) {
  const body = h('div.stack', {}, loading())
  fill(main, h('h1', {}, t('nav.overview')), body)
  return live(
    body,
    () =>
      Promise.all([
        get('/v1/overview'),
        call('GET', '/readyz', undefined, { accept: [503] }),
        get('/v1/ledger', { day: new Date().toISOString().slice(0, 10) }),
      ]),
    ([overview, ready, ledger], reload) =>
      fill(body, overview.has_users ? null : firstSteps(reload), ...sections(overview, ready, ledger)),
  )
}

/** @param {any} overview @param {any} ready @param {any} ledger */
function sections({ traffic, pending }, ready, { totals, unpriced }) {
  const perMinute = (/** @type {number} */ count) =>
    number((count * 60) / traffic.window_s, { maximumFractionDigits: 1 })
  const cost = totals.calls === 0 ? number(0) : number(totals.cost, { maximumSignificantDigits: 3 })
  return [
    tiles(
      tile(
        t('overview.recalls'),
        perMinute(traffic.recalls),
        t('overview.perMinute', { count: number(traffic.recalls) }),
      ),
      tile(
        t('overview.turns'),
        perMinute(traffic.turns),
        t('overview.perMinute', { count: number(traffic.turns) }),
      ),
      tile(t('overview.hitRate'), percent(traffic.hit_rate), t('overview.hitRateNote')),
      tile(
        t('overview.pending'),
        number(pending.turns),
        pending.failed > 0
          ? t('overview.failed', { count: number(pending.failed) })
          : pending.oldest_at
            ? t('overview.since', { time: time(pending.oldest_at) })
            : t('overview.nothingPending'),
      ),
      tile(
        t('overview.cost'),
        cost,
        unpriced.length > 0 && totals.calls > 0
          ? t('overview.unpriced', { models: unpriced.join(', ') })
          : t('overview.calls', { count: number(totals.calls) }),
      ),
    ),
    card(
      t('overview.latency'),
      traffic.recalls === 0 ? h('p.muted', {}, t('overview.noRecalls')) : latency(traffic),
    ),
    card(t('overview.backends'), backends(ready)),
  ]
}

/** @param {any} traffic */
function latency({ strategies, minutes, cache, degraded, recalls }) {
  const rows = strategies.map((/** @type {any} */ one) => [
    h('code', {}, one.strategy),
    number(one.recalls),
    milliseconds(one.p50_ms),
    milliseconds(one.p95_ms),
    percent(one.hit_rate),
    number(one.tokens),
  ])
  const head = ['strategy', 'recalls', 'p50', 'p95', 'hitRate', 'tokens'].map((name) => t(`column.${name}`))
  const shown = minutes.toReversed()
  const values = (/** @type {string} */ name) => shown.map((/** @type {any} */ minute) => minute[name])
  const reasons = Object.entries(cache).sort(([, a], [, b]) => Number(b) - Number(a))
  return [
    numberTable(t('overview.latency'), head, rows),
    values('p50_ms').filter((/** @type {any} */ ms) => ms !== null).length >= MIN_POINTS &&
      plot({
        label: t('overview.latencyPlot'),
        x: shown.map((/** @type {any} */ { minutes_ago }) => -minutes_ago),
        wholeX: true,
        xFormat: (value) => `${number(value)} min`,
        yFormat: milliseconds,
        yRange: [0, null],
        series: [
          { label: t('column.p50'), values: values('p50_ms'), points: true },
          { label: t('column.p95'), values: values('p95_ms'), points: true },
        ],
      }),
    h('h3', {}, t('overview.reasons')),
    h(
      'ul.chips',
      {},
      ...reasons.map(([key, count]) => h('li.tag', {}, `${reason(key)} · ${number(Number(count))}`)),
    ),
    degraded > 0 &&
      h(
        'p.notice.error',
        {},
        t('overview.degraded', { count: number(degraded), share: percent(degraded / recalls) }),
      ),
  ]
}

/** @param {string} key `result.reason` */
function reason(key) {
  const [result, why] = key.split('.')
  return result === 'hit' ? t('cache.hit') : textOr(`reason.${why}`, why)
}

/** @param {any} ready */
function backends({ backends: states }) {
  const rows = Object.entries(states).map(([name, { kind, status, error }]) => [
    t(`backend.${name}`),
    kind,
    h(`span.tag.${status}`, {}, t(`status.${status}`)),
    error ?? '',
  ])
  return table(
    t('overview.backends'),
    ['backend', 'kind', 'state', 'error'].map((name) => t(`column.${name}`)),
    rows,
  )
}

/** What to do on an empty sidecar. @param {() => Promise<void>} reload */
function firstSteps(reload) {
  const body = { user_id: 'ada', messages: [{ role: 'user', content: t('first.example') }] }
  const key =
    document.documentElement.dataset.needsKey === 'true' ? ` -H 'Authorization: Bearer YOUR_KEY'` : ''
  const command = `curl -s ${location.origin}/v1/memories${key} -H 'Content-Type: application/json' -d '${JSON.stringify(body)}'`
  const store = button(
    t('first.store'),
    () =>
      working(store, async () => {
        await call('POST', '/v1/memories', { ...body, conversation_id: 'first', turn: 1 })
        await reload()
        location.hash = '#/memories?user=ada'
      }),
    'primary',
  )
  return h(
    'section.card.first',
    {},
    h('h2', {}, t('first.title')),
    h('p', {}, t('first.lead')),
    h(
      'ol.steps',
      {},
      h('li', {}, h('strong', {}, t('first.try')), h('pre', { tabIndex: 0 }, command), h('p', {}, store)),
      h('li', {}, h('strong', {}, t('first.dify')), h('p', {}, t('first.difyHow', { url: location.origin }))),
      h('li', {}, h('strong', {}, t('first.demo')), h('pre', { tabIndex: 0 }, 'npm run demo')),
    ),
  )
}
