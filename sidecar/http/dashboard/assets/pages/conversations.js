import { get } from '../lib/api.js'
import { append, fill, h } from '../lib/dom.js'
import { memoryTexts } from '../lib/memory-texts.js'
import { milliseconds, number, ranges, t, textOr, time } from '../lib/text.js'
import { card, moreButton, show, userPicker } from '../lib/widgets.js'

const PAGE = 30
/** Turns that are loaded for a link to one of them; the most that the API returns at once. */
const LINKED_PAGE = 200
/** Earlier turns drawn per recall. */
const MAX_CELLS = 33

/** @param {any} main @param {URLSearchParams} query */
export function conversationsPage(main, query) {
  const user = query.get('user') ?? ''
  const conversation = query.get('conversation')
  const turn = Number(query.get('turn') ?? 0)
  const go = (/** @type {string} */ userId) => {
    location.hash = hrefOf(userId)
  }
  fill(main, h('h1', {}, t('nav.conversations')), card('', userPicker(user, go)))
  if (user === '') return
  const body = h('div.stack', { 'aria-live': 'polite' })
  main.append(body)
  void show(body, () => (conversation === null ? list(user) : timeline(user, conversation, turn))).then(
    () => {
      if (turn > 0) body.querySelector(`[data-turn="${turn}"]`)?.scrollIntoView()
    },
  )
}

/** @param {string} user @param {string} [conversation] */
function hrefOf(user, conversation) {
  return `#/conversations?${new URLSearchParams({ user, ...(conversation !== undefined && { conversation }) })}`
}

/** @param {string} user @param {string} [cursor] @returns {Promise<any>} */
async function list(user, cursor) {
  const { conversations, next_cursor } = await get('/v1/conversations', {
    user_id: user,
    limit: PAGE,
    cursor,
  })
  if (cursor === undefined && conversations.length === 0)
    return h('p.muted', {}, t('conversations.none', { user }))
  const items = conversations.map((/** @type {any} */ one) =>
    h(
      'article.memory',
      {},
      h('h3', {}, h('a', { href: hrefOf(user, one.conversation_id) }, one.conversation_id)),
      one.summary && h('p.text', { dir: 'auto' }, one.summary),
      h(
        'p.meta',
        {},
        h('span', {}, t('conversations.turns', { turn: number(one.last_turn) })),
        h('time', { datetime: one.updated_at }, time(one.updated_at)),
      ),
    ),
  )
  return [...items, moreButton(next_cursor, (next) => list(user, next))]
}

/** @param {string} user @param {string} conversation @param {number} turn that is linked; 0: none */
async function timeline(user, conversation, turn) {
  const path = `/v1/conversations/${encodeURIComponent(conversation)}/timeline`
  const texts = memoryTexts(user)
  /** Ids of the blocks by hash; a recall that was served an earlier block names only the hash. @type {Map<string, string[]>} */
  const blocks = new Map()
  const page = async (/** @type {string | undefined} */ cursor) => {
    const limit = turn > 0 ? LINKED_PAGE : PAGE
    const { turns, next_cursor } = await get(path, { user_id: user, limit, cursor })
    for (const { recalls } of turns) {
      for (const { cache, block_ids } of recalls)
        if (block_ids && cache.block_hash) blocks.set(cache.block_hash, block_ids)
    }
    const stored = new Set(
      turns.filter((/** @type {any} */ one) => one.added_at).map((/** @type {any} */ one) => one.turn),
    )
    return [
      ...turns.map((/** @type {any} */ turn) => turnCard(turn, stored, blocks, texts)),
      moreButton(next_cursor, page),
    ]
  }
  const cards = await page(undefined)
  return [
    h('p', {}, h('a', { href: hrefOf(user) }, `← ${t('conversations.back')}`)),
    h('h2', {}, conversation),
    legend(),
    ...cards,
  ]
}

function legend() {
  const item = (/** @type {string} */ kind) =>
    h('li', {}, h(`span.cell.${kind}`, { 'aria-hidden': 'true' }, SIGNS[kind]), ' ', t(`turn.${kind}`))
  return card(t('conversations.legend'), h('ul.strip-legend', {}, ...Object.keys(SIGNS).map(item)))
}

/** A sign in addition to the colour. @type {Record<string, string>} */
const SIGNS = { window: '', included: '✓', pending: '…', uncovered: '!', unknown: '' }

/** @param {any} turn @param {Set<number>} stored @param {Map<string, string[]>} blocks @param {(ids: string[]) => Promise<any[]>} texts */
function turnCard({ turn, added_at, messages, recalls }, stored, blocks, texts) {
  return h(
    'article.turn',
    { 'data-turn': turn },
    h(
      'h3',
      {},
      t('conversations.turn', { turn }),
      ' ',
      h('small', {}, added_at ? time(added_at) : t('conversations.notAdded')),
    ),
    ...messages.map((/** @type {any} */ { role, content }) =>
      h('p.message', { dir: 'auto' }, h('strong', {}, `${t(`role.${role}`)}: `), content),
    ),
    recalls.length === 0 && h('p.muted', {}, t('conversations.noRecall')),
    ...recalls.map((/** @type {any} */ recall) => recallView(turn, recall, stored, blocks, texts)),
  )
}

/** @param {number} turn @param {any} recall @param {Set<number>} stored @param {Map<string, string[]>} blocks @param {(ids: string[]) => Promise<any[]>} texts */
function recallView(turn, recall, stored, blocks, texts) {
  const { strategy, cache, window_size, tokens, took_ms, degraded, memories, uncovered_turns } = recall
  const blockIds = recall.block_ids ?? blocks.get(cache.block_hash)
  const hit = cache.result === 'hit'
  return h(
    'div.recall',
    {},
    h(
      'p.meta',
      {},
      h('code', {}, strategy),
      h(
        `span.tag.${hit ? 'ok' : 'plain'}`,
        {},
        hit ? t('cache.hit') : textOr(`reason.${cache.reason}`, cache.reason),
      ),
      cache.age_turns !== null && h('span', {}, t('cache.age', { turns: number(cache.age_turns) })),
      cache.serves_until_turn !== null && h('span', {}, t('cache.until', { turn: cache.serves_until_turn })),
      h('span', {}, t('cache.window', { size: window_size ?? '–' })),
      h('span', {}, t('cache.tokens', { tokens: number(tokens) })),
      h('span', {}, t('cache.memories', { count: number(memories) })),
      h('span', {}, milliseconds(took_ms)),
    ),
    strip(turn, recall, stored),
    uncovered_turns.length > 0 &&
      h('p.notice.error', {}, t('conversations.uncovered', { turns: ranges(uncovered_turns) })),
    degraded.length > 0 && h('p.notice.error', {}, t('search.degraded', { parts: degraded.join(', ') })),
    cache.block_hash &&
      memoryList(
        t('conversations.block', {
          hash: cache.block_hash.slice(0, 8),
          count: blockIds ? number(blockIds.length) : '?',
        }),
        blockIds ?? [],
        texts,
      ),
    recall.delta_ids &&
      memoryList(
        t(strategy === 'per_query' ? 'conversations.found' : 'conversations.delta', {
          count: number(recall.delta_ids.length),
        }),
        recall.delta_ids,
        texts,
      ),
  )
}

/** The earlier turns, and where the model could see each at this recall. @param {number} turn @param {any} recall @param {Set<number>} stored */
function strip(turn, { window_size, included_turns, pending_turns, uncovered_turns }, stored) {
  const first = Math.max(Math.min(1, ...stored), turn - MAX_CELLS)
  const kindOf = (/** @type {number} */ one) => {
    if (uncovered_turns.includes(one)) return 'uncovered'
    if (window_size > 1 && one > turn - window_size) return 'window'
    if (pending_turns.includes(one)) return 'pending'
    if (included_turns.some((/** @type {number[]} */ [from, to]) => from <= one && one <= to))
      return 'included'
    return 'unknown'
  }
  const turns = Array.from({ length: Math.max(0, turn - first) }, (_, i) => first + i)
  if (turns.length === 0) return null
  const groups = Map.groupBy(turns, kindOf)
  const words = [...groups].map(([kind, some]) => `${t(`turn.${kind}`)}: ${ranges(some)}`).join('; ')
  const cells = turns.map((one) =>
    h(
      `span.cell.${kindOf(one)}`,
      { title: `${one}: ${t(`turn.${kindOf(one)}`)}` },
      SIGNS[kindOf(one)] || one,
    ),
  )
  return h(
    'div.strip',
    { role: 'img', 'aria-label': words },
    first > 1 && h('span.cell.gap', {}, '…'),
    ...cells,
  )
}

/** @param {string} summary @param {string[]} ids @param {(ids: string[]) => Promise<any[]>} texts */
function memoryList(summary, ids, texts) {
  const list = h('ul')
  let isLoaded = false
  const load = () => {
    if (isLoaded) return
    isLoaded = true
    if (ids.length === 0) append(list, h('li.muted', {}, t('conversations.earlierBlock')))
    else
      void show(list, async () =>
        (await texts(ids)).map((text) =>
          h('li', { dir: 'auto' }, text ?? h('em', {}, t('conversations.gone'))),
        ),
      )
  }
  return h('details', { onToggle: load }, h('summary', {}, summary), list)
}
