import { ApiError, get } from './api.js'
import { append, fill, h } from './dom.js'
import { number, t } from './text.js'

/** @param {string} title @param {...any} children */
export function card(title, ...children) {
  return h('section.card', {}, title && h('h2', {}, title), ...children)
}

/** @param {string} label @param {string} value @param {string} [note] */
export function tile(label, value, note) {
  return h('div.tile', {}, h('dt', {}, label), h('dd', {}, value), note && h('dd.note', {}, note))
}

/** @param {...any} tiles */
export function tiles(...tiles) {
  return h('dl.tiles', {}, ...tiles)
}

/** @param {string} label @param {(event: Event) => any} onClick @param {string} [kind] class: primary, danger, quiet */
export function button(label, onClick, kind = '') {
  return h(kind ? `button.${kind}` : 'button', { type: 'button', onClick }, label)
}

/** A table of numbers, which scrolls sideways on narrow screens. @param {string} caption @param {any[]} head @param {any[][]} rows */
export function numberTable(caption, head, rows) {
  const box = table(caption, head, rows)
  box.classList.add('numbers')
  return box
}

/** @param {string} caption @param {any[]} head @param {any[][]} rows */
export function table(caption, head, rows) {
  const cells = (/** @type {any[]} */ row) =>
    row.map((cell, i) => h(i === 0 ? 'th' : 'td', i === 0 ? { scope: 'row' } : {}, cell))
  return h(
    'div.scroll',
    { tabIndex: 0, role: 'region', 'aria-label': caption },
    h(
      'table',
      {},
      h('thead', {}, h('tr', {}, ...head.map((cell) => h('th', { scope: 'col' }, cell)))),
      h('tbody', {}, ...rows.map((row) => h('tr', {}, ...cells(row)))),
    ),
  )
}

let fieldCount = 0

/** @param {string} label @param {any} control an input, select or textarea @param {string} [hint] */
export function field(label, control, hint) {
  control.id ||= `field-${++fieldCount}`
  const note = hint && h('small', { id: `${control.id}-hint` }, hint)
  if (note) control.setAttribute('aria-describedby', note.id)
  return h('div.field', {}, h('label', { htmlFor: control.id }, label), control, note)
}

/** @param {any} error */
export function errorNote(error) {
  const isKnown = error instanceof ApiError
  if (!isKnown) console.error(error)
  const message = isKnown && error.code === 'offline' ? t('error.offline') : String(error?.message ?? error)
  return h('p.notice.error', { role: 'alert' }, message)
}

/** @param {string} text @param {...any} children */
export function notice(text, ...children) {
  return h('p.notice', { role: 'status' }, text, ...children)
}

/** What a part of a page shows before its data. @param {string} tag */
export function loading(tag = 'p') {
  return h(`${tag}.muted`, {}, t('loading'))
}

/** Shows what `load` returns, or its error. @param {any} parent @param {() => Promise<any>} load */
export async function show(parent, load) {
  parent.setAttribute('aria-busy', 'true')
  if (parent.childElementCount === 0) fill(parent, loading(parent.matches('ul, ol') ? 'li' : 'p'))
  try {
    fill(parent, await load())
  } catch (error) {
    fill(parent, errorNote(error))
  } finally {
    parent.removeAttribute('aria-busy')
  }
  return parent
}

/** Milliseconds between two reads of a live part of a page. */
const REFRESH_MS = 10_000

/**
 * Reads data now and every ten seconds while the page is visible, and draws it when it has changed. Errors are shown in
 * `body`.
 * @param {any} body
 * @param {() => Promise<any>} read
 * @param {(data: any, reload: () => Promise<void>) => void} draw
 * @returns {() => void} ends it
 */
export function live(body, read, draw) {
  let drawn = ''
  const load = async () => {
    if (document.hidden) return
    try {
      const data = await read()
      const next = JSON.stringify(data)
      if (next === drawn) return
      drawn = next
      draw(data, load)
    } catch (error) {
      drawn = ''
      fill(body, errorNote(error))
    }
  }
  void load()
  const timer = setInterval(load, REFRESH_MS)
  return () => clearInterval(timer)
}

/** Links that save a report in each format. @param {string} path @param {string} name of the file, without extension */
export function downloads(path, name) {
  const link = (/** @type {string} */ format) =>
    h(
      'a',
      { href: `${path}?format=${format}`, download: `${name}.${format === 'markdown' ? 'md' : format}` },
      format,
    )
  return h('span', {}, t('report.download'), ' ', link('json'), ' · ', link('csv'), ' · ', link('markdown'))
}

/** Disables a button while it works; an error is shown after it. @param {any} target @param {() => Promise<any>} run */
export async function working(target, run) {
  target.disabled = true
  for (const old of target.parentElement?.querySelectorAll(':scope > .error') ?? []) old.remove()
  try {
    return await run()
  } catch (error) {
    target.after(errorNote(error))
    return undefined
  } finally {
    target.disabled = false
  }
}

/**
 * Opens a modal dialog; Escape and the close button close it.
 * @param {string} title
 * @param {(close: () => void) => any} content
 */
export function openDialog(title, content) {
  const dialog = h('dialog', { 'aria-label': title })
  const close = () => dialog.close()
  append(dialog, [
    h('header', {}, h('h2', {}, title), button(t('action.close'), close, 'quiet')),
    h('div.content', {}, content(close)),
  ])
  dialog.addEventListener('close', () => dialog.remove())
  document.body.append(dialog)
  dialog.showModal()
  return dialog
}

/** A link to the next page of a list. @param {string | null} cursor @param {(cursor: string) => Promise<any>} load returns what is added */
export function moreButton(cursor, load) {
  if (!cursor) return null
  const more = button(t('action.more'), () =>
    working(more, async () => {
      more.replaceWith(...append(document.createDocumentFragment(), await load(cursor)).childNodes)
    }),
  )
  return more
}

/** An input that suggests users. @param {string} value @param {(userId: string) => void} onPick */
export function userPicker(value, onPick) {
  const list = h('datalist', { id: 'users' })
  const input = h('input', {
    type: 'text',
    list: 'users',
    value,
    required: true,
    autocomplete: 'off',
    name: 'user',
  })
  let latest = 0
  const suggest = async () => {
    const own = ++latest
    const { users } = await get('/v1/users', { prefix: input.value.trim(), limit: 20 }).catch(() => ({
      users: [],
    }))
    if (own === latest)
      fill(
        list,
        users.map((/** @type {any} */ { user_id }) => h('option', { value: user_id })),
      )
    return users
  }
  input.addEventListener('input', suggest)
  const chips = h('p.chips', { 'aria-label': t('user.recent') })
  void suggest().then(async () => {
    const { users } = await get('/v1/users', { limit: 8 }).catch(() => ({ users: [] }))
    if (value === '') {
      fill(
        chips,
        users.map((/** @type {any} */ { user_id }) => button(user_id, () => onPick(user_id), 'chip')),
      )
    }
  })
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault()
    if (input.value.trim() !== '') onPick(input.value.trim())
  }
  const form = h(
    'form.row',
    { onSubmit: submit },
    field(t('user.label'), input, value === '' ? t('user.hint') : undefined),
    h('button.primary', { type: 'submit' }, t('action.show')),
  )
  return h('div', {}, form, list, value === '' && chips)
}

/** A horizontal bar for a share. @param {number} share 0…1 */
export function bar(share) {
  return h('meter.bar', {
    min: 0,
    max: 1,
    value: Math.max(0, Math.min(1, share)),
    'aria-label': number(share),
  })
}

/** A sentence in which backticks mark names. @param {string} text */
export function withCode(text) {
  return text.split('`').map((part, i) => (i % 2 === 1 ? h('code', {}, part) : part))
}
