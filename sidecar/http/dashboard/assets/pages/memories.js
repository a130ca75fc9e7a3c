import { call, get } from '../lib/api.js'
import { append, fill, h } from '../lib/dom.js'
import { milliseconds, number, t, textOr, time } from '../lib/text.js'
import {
  bar,
  button,
  card,
  errorNote,
  field,
  moreButton,
  notice,
  openDialog,
  show,
  userPicker,
  working,
} from '../lib/widgets.js'
import { openHistory } from './memory-history.js'

const PAGE = 30
/** The API answers for at most 20. */
const MAX_WHY_NOT = 20

/** @param {any} main @param {URLSearchParams} query */
export function memoriesPage(main, query) {
  const user = query.get('user') ?? ''
  const go = (/** @type {string} */ userId) => {
    location.hash = `#/memories?${new URLSearchParams({ user: userId })}`
  }
  fill(main, h('h1', {}, t('nav.memories')), card('', userPicker(user, go)))
  if (user === '') return
  const results = h('div.stack', { 'aria-live': 'polite' })
  append(main, [searchForm(user, query.get('q') ?? '', results), results, dangerZone(user, results)])
  if (query.get('q')) void show(results, () => search(user, query.get('q') ?? ''))
  else void show(results, () => list(user))
}

/** @param {string} user @param {string} value @param {any} results */
function searchForm(user, value, results) {
  const input = h('input', { type: 'search', name: 'query', value, autocomplete: 'off' })
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault()
    const text = input.value.trim()
    void show(results, () => (text === '' ? list(user) : search(user, text)))
  }
  return card(
    '',
    h(
      'form.row',
      { onSubmit: submit, role: 'search' },
      field(t('search.query'), input, t('search.hint')),
      h('button.primary', { type: 'submit' }, t('action.search')),
    ),
  )
}

/** @param {string} user @param {string} [cursor] @returns {Promise<any>} */
async function list(user, cursor) {
  const { memories, next_cursor } = await get('/v1/memories', { user_id: user, limit: PAGE, cursor })
  const items = memories.map((/** @type {any} */ memory) => memoryCard(user, memory))
  if (cursor === undefined && items.length === 0) return h('p.muted', {}, t('memories.none', { user }))
  const title = cursor === undefined && h('h2', {}, t('memories.newest'))
  return [title, ...items, moreButton(next_cursor, (next) => list(user, next))]
}

/** @param {string} user @param {string} text */
async function search(user, text) {
  const body = { user_id: user, query: text, top_k: 10, explain: true }
  const [first, { memories: known }] = await Promise.all([
    call('POST', '/v1/memories/search', body),
    get('/v1/memories', { user_id: user, limit: MAX_WHY_NOT + 10 }),
  ])
  const found = new Set(first.memories.map((/** @type {any} */ { id }) => id))
  const others = known.filter((/** @type {any} */ { id }) => !found.has(id)).slice(0, MAX_WHY_NOT)
  const ids = others.map((/** @type {any} */ { id }) => id)
  const { why_not = {} } =
    ids.length > 0 ? await call('POST', '/v1/memories/search', { ...body, why_not: ids }) : {}
  return [
    h(
      'h2',
      {},
      t('search.results', { count: number(first.memories.length), ms: milliseconds(first.took_ms) }),
    ),
    first.degraded.length > 0 &&
      h('p.notice.error', {}, t('search.degraded', { parts: first.degraded.join(', ') })),
    first.memories.length === 0 && h('p.muted', {}, t('search.none')),
    ...first.memories.map((/** @type {any} */ memory) => memoryCard(user, memory, scoreParts(memory))),
    others.length > 0 && h('h2', {}, t('search.whyNot')),
    ...others.map((/** @type {any} */ memory) => {
      const { gate, detail } = why_not[memory.id] ?? { gate: '–', detail: '' }
      return memoryCard(
        user,
        memory,
        h('p.why', {}, h('span.tag', {}, textOr(`gate.${gate}`, gate)), ' ', detail),
      )
    }),
  ]
}

/** @param {any} memory */
function scoreParts({ score, parts = {} }) {
  const rows = Object.entries(parts)
    .filter(([, value]) => value !== 0)
    .sort(([, a], [, b]) => Number(b) - Number(a))
  return h(
    'details.score',
    {},
    h('summary', {}, `${t('search.score')} ${number(score)} `, bar(score)),
    h(
      'dl.parts',
      {},
      ...rows.flatMap(([name, value]) => [
        h('dt', {}, name),
        h('dd', {}, number(Number(value), { maximumFractionDigits: 3 })),
      ]),
    ),
  )
}

/** @param {string} user @param {any} memory @param {any} [extra] shown below its text */
function memoryCard(user, memory, extra) {
  const { id, kind, role, topic, sub_topic, conversation_id, turn, at, version, expires_at } = memory
  const article = h('article.memory')
  const link =
    conversation_id && `#/conversations?${new URLSearchParams({ user, conversation: conversation_id })}`
  const correct = button(t('action.correct'), () => openCorrection(user, memory, replace), 'quiet')
  const history = button(t('action.history'), () => openHistory(user, id, replace), 'quiet')
  const remove = button(
    t('action.delete'),
    () => working(remove, () => deleteMemory(user, id, article, replace)),
    'quiet',
  )
  /** @param {any} changed */
  function replace(changed) {
    article.replaceWith(memoryCard(user, changed))
  }
  return append(article, [
    h('p.text', { dir: 'auto' }, memory.memory),
    extra,
    h(
      'p.meta',
      {},
      h('span.tag', {}, t(`kind.${kind}`)),
      h('span', {}, t(`role.${role}`)),
      topic && h('span', {}, sub_topic ? `${topic} › ${sub_topic}` : topic),
      link &&
        h(
          'a',
          { href: link },
          turn === null ? conversation_id : t('memories.turn', { conversation: conversation_id, turn }),
        ),
      h('time', { datetime: at }, time(at)),
      version > 1 && h('span', {}, t('memories.version', { version })),
      expires_at && h('span', {}, t('memories.expires', { time: time(expires_at) })),
    ),
    h('div.actions', {}, kind !== 'pending' && correct, history, kind !== 'pending' && remove),
  ])
}

/** @param {string} user @param {any} memory @param {(memory: any) => void} onChange */
function openCorrection(user, memory, onChange) {
  const text = h('textarea', {
    rows: 5,
    value: memory.memory,
    required: true,
    maxlength: 10_000,
    dir: 'auto',
  })
  const reason = h('input', { type: 'text', maxlength: 500 })
  openDialog(t('correct.title'), (close) => {
    const save = h('button.primary', { type: 'submit' }, t('action.save'))
    const submit = (/** @type {Event} */ event) => {
      event.preventDefault()
      void working(save, async () => {
        const body = { user_id: user, memory: text.value, reason: reason.value || undefined }
        const answer = await call('PATCH', `/v1/memories/${encodeURIComponent(memory.id)}`, body)
        onChange(answer.memory)
        close()
      })
    }
    return h(
      'form.column',
      { onSubmit: submit },
      field(t('correct.text'), text),
      field(t('correct.reason'), reason),
      h('div', {}, save),
    )
  })
}

/** Deletes without confirmation; the note that replaces the memory has an undo button. @param {string} user @param {string} id @param {any} article @param {(memory: any) => void} onRestore */
async function deleteMemory(user, id, article, onRestore) {
  const path = `/v1/memories/${encodeURIComponent(id)}`
  await call('DELETE', `${path}?${new URLSearchParams({ user_id: user })}`)
  const undo = button(t('action.undo'), () =>
    working(undo, async () => {
      const { memory } = await call('POST', `${path}/restore`, { user_id: user })
      onRestore(memory)
    }),
  )
  fill(article, notice(t('memories.deleted'), ' ', undo))
  undo.focus()
}

/** @param {string} user @param {any} results */
function dangerZone(user, results) {
  return h(
    'section.card.danger',
    {},
    h('h2', {}, t('forget.title')),
    h('p', {}, t('forget.what')),
    button(t('forget.open'), () => openForget(user, results), 'danger'),
  )
}

/** @param {string} user @param {any} results */
function openForget(user, results) {
  openDialog(t('forget.title'), (close) => {
    const input = h('input', { type: 'text', autocomplete: 'off', name: 'confirm' })
    const forget = h('button.danger', { type: 'submit', disabled: true }, t('forget.confirm'))
    input.addEventListener('input', () => {
      forget.disabled = input.value !== user
    })
    const submit = async (/** @type {Event} */ event) => {
      event.preventDefault()
      if (input.value !== user) return
      await working(forget, async () => {
        const { removed } = await call('DELETE', `/v1/memories?${new URLSearchParams({ user_id: user })}`)
        const counts = Object.entries(removed).filter(([, count]) => Number(count) > 0)
        const list = counts.map(([name, count]) => `${name}: ${number(Number(count))}`).join(', ')
        fill(results, notice(t('forget.done', { list: list || '0' })))
        close()
      })
    }
    return h(
      'form.column',
      {
        onSubmit: (/** @type {Event} */ event) =>
          void submit(event).catch((error) => forget.after(errorNote(error))),
      },
      h('p', {}, t('forget.warning')),
      field(t('forget.type', { user }), input),
      h('div', {}, forget),
    )
  })
}
