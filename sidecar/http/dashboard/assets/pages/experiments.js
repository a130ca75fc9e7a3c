import { ApiError, call, get } from '../lib/api.js'
import { fill, h } from '../lib/dom.js'
import { number, t, time } from '../lib/text.js'
import { button, card, downloads, field, live, loading, openDialog, show, working } from '../lib/widgets.js'
import { reportView } from './experiment-report.js'

const STRATEGIES = ['per_query', 'cached', 'cached_delta']

/** @param {any} main @param {URLSearchParams} query */
export function experimentsPage(main, query) {
  const name = query.get('name')
  if (name !== null) return detailPage(main, name)
  const list = h('div.stack')
  fill(main, h('h1', {}, t('nav.experiments')), h('p', {}, t('experiments.lead')), list, createForm())
  void show(list, async () => {
    const { experiments } = await get('/v1/experiments')
    return experiments.length === 0 ? h('p.muted', {}, t('experiments.none')) : experiments.map(summary)
  })
  return undefined
}

/** @param {string} name */
function hrefOf(name) {
  return `#/experiments?${new URLSearchParams({ name })}`
}

/** @param {any} experiment */
function summary({ name, status, arms, units, turns, created_at }) {
  return h(
    'article.memory',
    {},
    h('h3', {}, h('a', { href: hrefOf(name) }, name)),
    h(
      'p.meta',
      {},
      statusTag(status),
      h('span', {}, arms.map((/** @type {any} */ arm) => arm.name).join(' · ')),
      h('span', {}, t('experiments.size', { units: number(units), turns: number(turns) })),
      h('time', { datetime: created_at }, time(created_at)),
    ),
  )
}

/** @param {string} status */
function statusTag(status) {
  return h(`span.tag.${status === 'running' ? 'ok' : 'plain'}`, {}, t(`experiment.${status}`))
}

function createForm() {
  const name = h('input', {
    type: 'text',
    required: true,
    maxlength: 64,
    value: 'cached-or-not',
    autocomplete: 'off',
  })
  const outcome = h('input', {
    type: 'text',
    required: true,
    maxlength: 100,
    value: 'thumbs',
    autocomplete: 'off',
  })
  const boxes = STRATEGIES.map((strategy) =>
    h('input', { type: 'checkbox', value: strategy, checked: strategy !== 'cached', id: `arm-${strategy}` }),
  )
  const submit = h('button.primary', { type: 'submit' }, t('experiments.start'))
  const create = async () => {
    const arms = boxes.filter(({ checked }) => checked).map(({ value }) => ({ name: value, strategy: value }))
    if (arms.length < 2) throw new ApiError('invalid_request', t('experiments.twoArms'), 400)
    await call('POST', '/v1/experiments', { name: name.value.trim(), arms, outcome: outcome.value.trim() })
    location.hash = hrefOf(name.value.trim())
  }
  return card(
    t('experiments.new'),
    h(
      'form.column',
      {
        onSubmit: (/** @type {Event} */ event) => {
          event.preventDefault()
          void working(submit, create)
        },
      },
      field(t('experiments.name'), name),
      h(
        'fieldset',
        {},
        h('legend', {}, t('experiments.arms')),
        ...boxes.map((box) =>
          h(
            'label.choice',
            { htmlFor: box.id },
            box,
            h('code', {}, box.value),
            ' ',
            t(`strategy.${box.value}`),
          ),
        ),
      ),
      field(t('experiments.outcome'), outcome, t('experiments.outcomeHint')),
      h('div', {}, submit),
    ),
  )
}

/** @param {any} main @param {string} name */
function detailPage(main, name) {
  const path = `/v1/experiments/${encodeURIComponent(name)}`
  const head = h('div.stack')
  const body = h('div.stack', {}, loading())
  fill(
    main,
    h('p', {}, h('a', { href: '#/experiments' }, `← ${t('experiments.all')}`)),
    h('h1', {}, name),
    head,
    body,
  )
  return live(
    body,
    () => Promise.all([get(path), get(`${path}/report`)]),
    ([experiment, report], reload) => {
      fill(head, header(experiment, path, reload))
      fill(body, experiment.turns === 0 ? howTo(name) : reportView(report))
    },
  )
}

/** @param {any} experiment @param {string} path @param {() => Promise<void>} reload */
function header({ name, status, unit, started_at }, path, reload) {
  const act = (/** @type {string} */ action) => {
    const one = button(t(`experiments.${action}Action`), () =>
      working(one, async () => {
        await call('POST', `${path}/${action}`)
        await reload()
      }),
    )
    return one
  }
  const actions = { draft: ['start'], running: ['pause', 'stop'], paused: ['start', 'stop'], stopped: [] }
  return [
    h(
      'p.meta',
      {},
      statusTag(status),
      h('span', {}, t(`unit.${unit}`)),
      started_at && h('span', {}, t('experiments.since', { time: time(started_at) })),
    ),
    h(
      'div.actions',
      {},
      ...(actions[/** @type {'draft'} */ (status)] ?? []).map(act),
      button(t('action.delete'), () => confirmDelete(name, path), 'danger'),
      downloads(`${path}/report`, name),
    ),
  ]
}

/** @param {string} name @param {string} path */
function confirmDelete(name, path) {
  openDialog(t('experiments.deleteTitle', { name }), (close) => {
    const confirm = button(
      t('action.delete'),
      () =>
        working(confirm, async () => {
          await call('DELETE', path)
          close()
          location.hash = '#/experiments'
        }),
      'danger',
    )
    return [h('p', {}, t('experiments.deleteWarning')), h('p', {}, confirm)]
  })
}

/** What to do so that an experiment gets data. @param {string} name */
function howTo(name) {
  return card(
    t('experiments.noData'),
    h('p', {}, t('experiments.howDify')),
    h('pre', { tabIndex: 0 }, `strategy: experiment\nexperiment: ${name}`),
    h('p', {}, t('experiments.howOutcome')),
  )
}
