import { call, whenSignedOut } from './lib/api.js'
import { fill, h } from './lib/dom.js'
import { language, loadTexts, t } from './lib/text.js'
import { button, errorNote } from './lib/widgets.js'
import { apiPage } from './pages/api.js'
import { conversationsPage } from './pages/conversations.js'
import { experimentsPage } from './pages/experiments.js'
import { graphPage } from './pages/graph.js'
import { memoriesPage } from './pages/memories.js'
import { overviewPage } from './pages/overview.js'
import { replayPage } from './pages/replay.js'
import { signInPage } from './pages/sign-in.js'

/** @typedef {(main: any, query: URLSearchParams) => void | (() => void)} Page */

/** A page renders into `main`; it may return a function that is called when the page is left. */
/** @type {Record<string, Page>} */
const PAGES = {
  overview: overviewPage,
  memories: memoriesPage,
  graph: graphPage,
  conversations: conversationsPage,
  experiments: experimentsPage,
  replay: replayPage,
}

const app = /** @type {HTMLElement} */ (document.getElementById('app'))
const main = h('main', { id: 'main', tabIndex: -1 })
/** @type {{ needs_key: boolean, namespace: string | null, version: string }} */
let session
/** @type {void | (() => void)} */
let leave

await loadTexts()
session = await call('GET', '/dashboard/session')
document.documentElement.dataset.needsKey = String(session.needs_key)
whenSignedOut(() => {
  session.namespace = null
  render()
})
addEventListener('hashchange', () => {
  render()
  main.focus()
  scrollTo(0, 0)
})
render()

function render() {
  leave?.()
  leave = undefined
  const { name, query } = currentRoute()
  document.title = `${t(`nav.${name}`)} · Hippocache`
  const isSignedIn = session.namespace !== null
  fill(
    app,
    h('a.skip', { href: '#main', onClick: skip }, t('nav.skip')),
    header(name, isSignedIn),
    main,
    footer(),
  )
  fill(main)
  if (name === 'api') leave = apiPage(main)
  else if (!isSignedIn) signInPage(main, signIn)
  else leave = PAGES[name](main, query)
}

function currentRoute() {
  if (location.pathname === '/docs') return { name: 'api', query: new URLSearchParams() }
  const [path, query = ''] = location.hash.replace(/^#\/?/, '').split('?')
  return { name: Object.hasOwn(PAGES, path) ? path : 'overview', query: new URLSearchParams(query) }
}

/** @param {string} current @param {boolean} isSignedIn */
function header(current, isSignedIn) {
  const link = (/** @type {string} */ name, /** @type {string} */ href) =>
    h('a', { href, 'aria-current': name === current ? 'page' : undefined }, t(`nav.${name}`))
  const pages = isSignedIn
    ? Object.keys(PAGES).map((name) => link(name, `/#/${name}`))
    : [link('overview', '/#/')]
  return h(
    'header.top',
    {},
    h(
      'a.brand',
      { href: '/#/overview' },
      h('img', { src: '/dashboard/files/icon.svg', alt: '', width: 24, height: 24 }),
      'Hippocache',
    ),
    h('nav', { 'aria-label': t('nav.label') }, ...pages, link('api', '/docs')),
    h('div.tools', {}, isSignedIn && session.needs_key && signedIn(), languagePicker()),
  )
}

function signedIn() {
  return [
    h('span.namespace', { title: t('session.namespace') }, session.namespace),
    button(t('session.signOut'), signOut, 'quiet'),
  ]
}

function languagePicker() {
  const languages = JSON.parse(document.documentElement.dataset.languages ?? '{}')
  const options = Object.entries(languages).map(([tag, name]) =>
    h('option', { value: tag, lang: tag, selected: tag === language }, name),
  )
  const pick = (/** @type {any} */ event) => {
    // biome-ignore lint/suspicious/noDocumentCookie: the server reads it before the page is rendered
    document.cookie = `hippocache_language=${event.target.value}; path=/; max-age=31536000; samesite=strict`
    location.reload()
  }
  return h('select.quiet', { 'aria-label': t('nav.language'), onChange: pick }, ...options)
}

function footer() {
  return h('footer', {}, `Hippocache ${session.version}`)
}

/** @param {string} key */
async function signIn(key) {
  session = await call('POST', '/dashboard/session', { key })
  render()
}

/** @param {any} event */
async function signOut(event) {
  try {
    session = await call('DELETE', '/dashboard/session')
    render()
  } catch (error) {
    event.target.after(errorNote(error))
  }
}

/** The hash names the page, so the link must not change it. @param {Event} event */
function skip(event) {
  event.preventDefault()
  main.focus()
}
