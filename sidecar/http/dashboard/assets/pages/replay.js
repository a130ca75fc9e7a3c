import { call, get } from '../lib/api.js'
import { fill, h } from '../lib/dom.js'
import { plot } from '../lib/plot.js'
import { milliseconds, number, percent, t, time } from '../lib/text.js'
import {
  button,
  card,
  downloads,
  errorNote,
  field,
  loading,
  numberTable,
  show,
  working,
} from '../lib/widgets.js'

/** Milliseconds between two reads of a running replay. */
const REFRESH_MS = 1000

/** @param {any} main @param {URLSearchParams} query */
export function replayPage(main, query) {
  const id = query.get('id')
  if (id !== null) return detailPage(main, id)
  const list = h('div.stack')
  fill(main, h('h1', {}, t('nav.replay')), h('p', {}, t('replay.lead')), startForm(), list)
  void show(list, async () => {
    const { replays } = await get('/v1/replays')
    if (replays.length === 0) return h('p.muted', {}, t('replay.none'))
    return [h('h2', {}, t('replay.previous')), ...replays.map(summary)]
  })
  return undefined
}

/** @param {string} id */
function hrefOf(id) {
  return `#/replay?${new URLSearchParams({ id })}`
}

/** @param {any} job */
function summary(job) {
  return h(
    'article.memory',
    {},
    h('h3', {}, h('a', { href: hrefOf(job.id) }, time(job.started_at))),
    h('p.meta', {}, statusTag(job.status), h('span', {}, progressText(job))),
  )
}

/** @param {string} status */
function statusTag(status) {
  const kinds = { done: 'ok', failed: 'failed' }
  return h(`span.tag.${kinds[/** @type {'done'} */ (status)] ?? 'plain'}`, {}, t(`replay.${status}`))
}

/** @param {any} job */
function progressText({ done, total }) {
  return t('replay.progress', { done: number(done), total: number(total) })
}

function startForm() {
  const user = h('input', { type: 'text', autocomplete: 'off', maxlength: 256 })
  const since = h('input', { type: 'text', value: '30d', autocomplete: 'off', maxlength: 40 })
  const windows = h('input', {
    type: 'text',
    value: '5, 10, 20',
    required: true,
    autocomplete: 'off',
    maxlength: 60,
  })
  const submit = h('button.primary', { type: 'submit' }, t('replay.start'))
  const start = async () => {
    const sizes = windows.value
      .split(/[\s,]+/)
      .filter(Boolean)
      .map(Number)
    const { id } = await call('POST', '/v1/replays', {
      user_id: user.value.trim() || undefined,
      since: since.value.trim() || undefined,
      windows: sizes,
    })
    location.hash = hrefOf(id)
  }
  const onSubmit = (/** @type {Event} */ event) => {
    event.preventDefault()
    void working(submit, start)
  }
  return card(
    t('replay.new'),
    h(
      'form.column',
      { onSubmit },
      field(t('replay.user'), user),
      field(t('replay.since'), since, t('replay.sinceHint')),
      field(t('replay.windows'), windows, t('replay.windowsHint')),
      h('div', {}, submit),
    ),
  )
}

/** @param {any} main @param {string} id */
function detailPage(main, id) {
  const path = `/v1/replays/${encodeURIComponent(id)}`
  const body = h('div.stack', { 'aria-live': 'polite' }, loading())
  fill(
    main,
    h('p', {}, h('a', { href: '#/replay' }, `← ${t('replay.previous')}`)),
    h('h1', {}, t('nav.replay')),
    body,
  )
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer
  let isLeft = false
  const load = async () => {
    try {
      const job = await get(path)
      if (isLeft) return
      fill(
        body,
        header(job, path, load),
        job.error && h('p.notice.error', {}, job.error),
        job.result && resultView(job.result),
      )
      if (job.status === 'running') timer = setTimeout(load, REFRESH_MS)
    } catch (error) {
      fill(body, errorNote(error))
    }
  }
  void load()
  return () => {
    isLeft = true
    clearTimeout(timer)
  }
}

/** @param {any} job @param {string} path @param {() => Promise<void>} reload */
function header(job, path, reload) {
  const cancel = button(t('replay.cancel'), () =>
    working(cancel, async () => {
      await call('DELETE', path)
      await reload()
    }),
  )
  const isRunning = job.status === 'running'
  return [
    h(
      'p.meta',
      {},
      statusTag(job.status),
      h('span', {}, progressText(job)),
      h('span', {}, time(job.started_at)),
    ),
    isRunning && h('progress', { max: job.total || 1, value: job.done, 'aria-label': progressText(job) }),
    h('div.actions', {}, isRunning && cancel, job.result && downloads(path, 'replay')),
  ]
}

/** @param {any} result */
function resultView({ summary: sentence, settings }) {
  const head = [
    'strategy',
    'window',
    'grounded',
    'overlap',
    'rbo',
    'tokens',
    'billed',
    'prefix',
    'hitRate',
    'p50',
    'p95',
  ]
  return [
    h('section.card', {}, h('p.verdict', { lang: 'en' }, sentence)),
    card(
      t('replay.result'),
      numberTable(
        t('replay.result'),
        head.map((name) => t(`column.${name}`)),
        settings.map((/** @type {any} */ one) => [
          [
            h('code', {}, one.strategy),
            one.refresh_on_shift === null ? '' : h('small', {}, ` shift ${number(one.refresh_on_shift)}`),
          ],
          number(one.window_size),
          percent(one.grounded.recall),
          percent(one.overlap),
          number(one.rbo),
          number(one.tokens_per_turn, { maximumFractionDigits: 0 }),
          number(one.billed_tokens_per_turn.automatic, { maximumFractionDigits: 0 }),
          percent(one.prefix_reuse),
          percent(one.hit_rate),
          milliseconds(one.latency_ms.p50),
          milliseconds(one.latency_ms.p95),
        ]),
      ),
    ),
    agePlot(settings),
    ...settings.map(missedView),
  ]
}

/** Overlap by age of the block, for the largest window. @param {any[]} settings */
function agePlot(settings) {
  const largest = Math.max(...settings.map((one) => one.window_size))
  const shown = settings.filter(
    (one) => one.window_size === largest && one.by_age.length > 1 && one.refresh_on_shift === null,
  )
  const ages = [
    ...new Set(shown.flatMap((one) => one.by_age.map((/** @type {any} */ { age_turns }) => age_turns))),
  ].sort((a, b) => a - b)
  if (ages.length < 2) return null
  return card(
    t('report.overlap'),
    plot({
      label: t('report.overlapPlot'),
      x: ages,
      wholeX: true,
      yFormat: percent,
      yRange: [0, 1],
      series: shown.map((one) => {
        const byAge = new Map(
          one.by_age.map((/** @type {any} */ { age_turns, overlap }) => [age_turns, overlap]),
        )
        return { label: one.strategy, points: true, values: ages.map((age) => byAge.get(age) ?? null) }
      }),
    }),
  )
}

/** @param {any} setting */
function missedView({ strategy, window_size, missed }) {
  if (missed.length === 0) return null
  const summary = `${t('replay.missedBy', { strategy, window: number(window_size) })} · ${number(missed.length)}`
  return h(
    'details.card',
    {},
    h('summary', {}, summary),
    ...missed.map((/** @type {any} */ one) => {
      const link = `#/conversations?${new URLSearchParams({ user: one.user_id, ...(one.conversation_id !== null && { conversation: one.conversation_id }) })}`
      return h(
        'div.recall',
        {},
        h('p.text', { dir: 'auto' }, one.memory),
        h(
          'p.meta',
          {},
          h('span', { dir: 'auto' }, `${t('replay.question')}: ${one.question}`),
          h('a', { href: link }, one.user_id),
        ),
      )
    }),
  )
}
