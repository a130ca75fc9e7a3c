import { get, withQuery } from '../lib/api.js'
import { append, fill, h } from '../lib/dom.js'
import { graphPicture } from '../lib/graph-picture.js'
import { number, t, textOr, time } from '../lib/text.js'
import { bar, button, card, field, notice, show, table, userPicker } from '../lib/widgets.js'
import { entityDetails, relationDetails } from './graph-details.js'

const TOP_ENTITIES = 20
/** Months that are listed, the latest ones. */
const MAX_MONTHS = 12

/** @param {any} main @param {URLSearchParams} query */
export function graphPage(main, query) {
  const user = query.get('user') ?? ''
  const go = (/** @type {string} */ userId) => {
    location.hash = hrefOf({ user: userId })
  }
  fill(main, h('h1', {}, t('graph.title')), card('', userPicker(user, go)))
  if (user === '') return
  const view = {
    user,
    entity: query.get('entity') ?? '',
    as_of: query.get('as_of') ?? '',
    ended: query.get('ended') ?? '',
  }
  const body = h('div.stack')
  append(main, [filterForm(view), body])
  void show(body, () => load(view))
}

/** @typedef {{ user: string, entity: string, as_of: string, ended: string }} View */

/** @param {Record<string, string>} view */
function hrefOf(view) {
  return withQuery('#/graph', view)
}

/** @param {View} view */
function filterForm({ user, entity, as_of, ended }) {
  const name = h('input', {
    type: 'text',
    name: 'entity',
    value: entity,
    autocomplete: 'off',
    maxlength: 500,
  })
  const day = h('input', { type: 'date', name: 'as_of', value: as_of, max: '9999-12-31' })
  const withEnded = h('input', { type: 'checkbox', name: 'ended', checked: ended !== '' })
  // The API answers one or the other.
  const exclude = () => {
    withEnded.disabled = day.value !== ''
    if (withEnded.disabled) withEnded.checked = false
  }
  day.addEventListener('input', exclude)
  exclude()
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault()
    location.hash = hrefOf({
      ...{ user, entity: name.value.trim(), as_of: day.value },
      ended: withEnded.checked ? 'true' : '',
    })
  }
  return card(
    '',
    h(
      'form.row',
      { onSubmit: submit },
      field(t('graph.entity'), name, t('graph.entityHint')),
      field(t('graph.asOf'), day, t('graph.asOfHint')),
      h('label.choice', {}, withEnded, t('graph.withEnded')),
      h('button.primary', { type: 'submit' }, t('action.show')),
    ),
  )
}

/** @param {View} view */
async function load({ user, entity, as_of, ended }) {
  const [graph, { entities, is_partial }, { months }] = await Promise.all([
    get('/v1/graph', { user_id: user, entity, as_of: as_of && endOfDay(as_of), ended }),
    get('/v1/entities', { user_id: user, limit: TOP_ENTITIES }),
    get('/v1/timeline', { user_id: user, limit: 1 }),
  ])
  if (graph.nodes.length === 0 && entities.length === 0) return emptyState(user)
  return [
    graph.unknown.length > 0 &&
      h('p.notice.error', {}, t('graph.unknown', { names: graph.unknown.join(', ') })),
    graph.is_partial && notice(t('graph.partial')),
    graph.edges.length === 0 ? h('p.muted', {}, t('graph.noRelations')) : relations(user, graph),
    entities.length > 0 && entityTable(user, entities, is_partial),
    months.length > 0 && themes(months),
  ]
}

/** The end of a day in the time zone of the browser. @param {string} day */
function endOfDay(day) {
  return new Date(`${day}T23:59:59.999`).toISOString()
}

/** @param {string} user */
function emptyState(user) {
  return h(
    'section.card.first',
    {},
    h('h2', {}, t('graph.none', { user })),
    h('p', {}, t('graph.noneHint')),
    h('p', {}, h('q', {}, t('graph.example'))),
  )
}

/** @param {string} type */
function typeName(type) {
  return textOr(`type.${type}`, type)
}

/** @param {string} label */
function labelName(label) {
  return textOr(`relation.${label}`, label.replaceAll('_', ' '))
}

/** The picture, what is selected in it, and the same as a table. @param {string} user @param {any} graph */
function relations(user, { nodes, edges, mermaid }) {
  const names = new Map(
    nodes.map((/** @type {any} */ { id, name }) => [id, name === 'user' ? t('graph.user') : name]),
  )
  const sentence = (/** @type {any} */ { subject, label, object }) =>
    [names.get(subject) ?? '…', labelName(label), names.get(object) ?? '…'].join(' · ')
  const byId = new Map(edges.map((/** @type {any} */ edge) => [edge.id, edge]))
  const details = h('div.details', { 'aria-live': 'polite' }, h('p.muted', {}, t('graph.select')))
  const texts = { typeName, sentence }
  const picture = graphPicture({
    label: t('graph.picture', { nodes: number(nodes.length), edges: number(edges.length) }),
    nodes: nodes.map((/** @type {any} */ { id, type }) => ({
      ...{ id, type, name: names.get(id) },
      label: `${names.get(id)}, ${typeName(type)}`,
    })),
    edges: edges.map((/** @type {any} */ edge) => ({
      ...{ id: edge.id, subject: edge.subject, object: edge.object },
      ...{ label: labelName(edge.label), hasEnded: edge.valid_until !== null },
    })),
    typeName,
    onSelect: (kind, id) => {
      if (kind === 'edge') void show(details, () => relationDetails(user, byId.get(id), texts))
      else void show(details, () => entityDetails(user, id, names.get(id), texts))
    },
  })
  const select = (/** @type {string} */ id) => {
    picture.select('edge', id)
    details.scrollIntoView({ block: 'nearest' })
  }
  const rows = edges.map((/** @type {any} */ edge) => [
    names.get(edge.subject),
    button(labelName(edge.label), () => select(edge.id), 'quiet'),
    names.get(edge.object),
    h('time', { datetime: edge.valid_from }, time(edge.valid_from)),
    edge.valid_until ? h('time', { datetime: edge.valid_until }, time(edge.valid_until)) : '',
  ])
  const head = ['subject', 'relation', 'object', 'from', 'until'].map((name) => t(`column.${name}`))
  return [
    card(t('graph.relations'), picture.element, details),
    card(
      t('graph.list'),
      table(t('graph.list'), head, rows),
      h('details', {}, h('summary', {}, 'Mermaid'), h('pre', { tabIndex: 0 }, mermaid)),
    ),
  ]
}

/** @param {string} user @param {any[]} entities @param {boolean} isPartial */
function entityTable(user, entities, isPartial) {
  const most = entities[0].weight || 1
  const rows = entities.map(({ name, type, count, weight, last_seen }) => [
    h('a', { href: hrefOf({ user, entity: name }), dir: 'auto' }, name),
    typeName(type),
    number(count),
    bar(weight / most),
    h('time', { datetime: last_seen }, time(last_seen)),
  ])
  const head = ['entity', 'type', 'mentions', 'weight', 'lastSeen'].map((name) => t(`column.${name}`))
  return card(
    t('graph.entities'),
    h('p.muted', {}, t('graph.weight')),
    table(t('graph.entities'), head, rows),
    isPartial && h('p.muted', {}, t('graph.moreEntities', { count: number(entities.length) })),
  )
}

/** @param {any[]} months */
function themes(months) {
  const rows = months
    .slice(-MAX_MONTHS)
    .toReversed()
    .map(({ month, memories, themes: found, rose, faded }) => [
      h('span.nowrap', {}, month),
      number(memories),
      found.map((/** @type {any} */ { theme, memories: count }) => `${theme} ${number(count)}`).join(', '),
      rose.join(', '),
      faded.join(', '),
    ])
  const head = ['month', 'memories', 'themes', 'rose', 'faded'].map((name) => t(`column.${name}`))
  return card(t('graph.themes'), table(t('graph.themes'), head, rows))
}
