import { get } from '../lib/api.js'
import { h } from '../lib/dom.js'
import { memoryTexts } from '../lib/memory-texts.js'
import { number, percent, t, time } from '../lib/text.js'
import { button } from '../lib/widgets.js'
import { openHistory } from './memory-history.js'

/** Memories that are shown of an entity, the latest ones. */
const MAX_SHOWN = 5

/** @typedef {{ typeName: (type: string) => string, sentence: (relation: any) => string }} Texts */

/** @param {string} user @param {string} id @param {string} name @param {Texts} texts */
export async function entityDetails(user, id, name, { typeName }) {
  const entity = await get(`/v1/entities/${encodeURIComponent(id)}`, { user_id: user })
  const aliases = entity.aliases.map(
    (/** @type {any} */ alias) => `${alias.name} (${t(`alias.${alias.reason}`)})`,
  )
  return [
    h('h3', { dir: 'auto' }, name),
    h(
      'p.meta',
      {},
      h('span.tag', {}, typeName(entity.type)),
      h('span', {}, t('graph.mentions', { count: number(entity.count) })),
      h('span', {}, `${time(entity.first_seen)} – ${time(entity.last_seen)}`),
    ),
    aliases.length > 0 && h('p', {}, t('graph.aliases', { names: aliases.join(', ') })),
    await sources(user, entity.mentions),
  ]
}

/** @param {string} user @param {any} relation @param {Texts} texts */
export async function relationDetails(user, relation, { sentence }) {
  const { memories, valid_from, valid_until, confidence, ended } = relation
  const sourceTurns = relation.sources.map((/** @type {any} */ source, /** @type {number} */ i) => ({
    ...source,
    memory_id: memories[i] ?? memories[0],
  }))
  return [
    h('h3', { dir: 'auto' }, sentence(relation)),
    h(
      'p.meta',
      {},
      h('span', {}, `${time(valid_from)} – ${valid_until ? time(valid_until) : t('graph.now')}`),
      h('span', {}, t('graph.confidence', { share: percent(confidence) })),
      ended && h('span.tag.warn', {}, t(`ended.${ended.reason}`)),
    ),
    await sources(user, sourceTurns),
  ]
}

/** The memories that say so, each with links to its turn and its history. @param {string} user @param {any[]} mentions */
async function sources(user, mentions) {
  const shown = mentions.slice(0, MAX_SHOWN)
  const texts = await memoryTexts(user)(shown.map(({ memory_id }) => memory_id))
  return h(
    'ul.sources',
    {},
    ...shown.map(({ memory_id, conversation_id, turn, at }, i) => {
      const link = `#/conversations?${new URLSearchParams({ user, conversation: conversation_id ?? '', turn: turn ?? '' })}`
      const history = button(t('action.history'), () => openHistory(user, memory_id, () => {}), 'quiet')
      return h(
        'li',
        {},
        h('p.text', { dir: 'auto' }, texts[i] ?? h('em', {}, t('conversations.gone'))),
        h(
          'p.meta',
          {},
          conversation_id &&
            h(
              'a',
              { href: link },
              turn === null ? conversation_id : t('memories.turn', { conversation: conversation_id, turn }),
            ),
          h('time', { datetime: at }, time(at)),
          history,
        ),
      )
    }),
    mentions.length > MAX_SHOWN &&
      h('li.muted', {}, t('graph.moreMentions', { count: number(mentions.length - MAX_SHOWN) })),
  )
}
