import { call, get } from '../lib/api.js'
import { diffWords } from '../lib/diff.js'
import { h } from '../lib/dom.js'
import { language, t, time } from '../lib/text.js'
import { button, openDialog, show, working } from '../lib/widgets.js'

/** Shows every change of a memory, and restores earlier versions. @param {string} user @param {string} id @param {(memory: any) => void} onRestore */
export function openHistory(user, id, onRestore) {
  const path = `/v1/memories/${encodeURIComponent(id)}`
  openDialog(t('history.title'), (close) => {
    const list = h('ol.history')
    void show(list, async () => {
      const { history } = await get(`${path}/history`, { user_id: user })
      const current = history.at(-1)
      return history.toReversed().map((/** @type {any} */ row) => {
        const restore = button(t('history.restore', { version: row.version }), () =>
          working(restore, async () => {
            const { memory } = await call('POST', `${path}/restore`, { user_id: user, version: row.version })
            onRestore(memory)
            close()
          }),
        )
        const canRestore = row.after !== null && row !== current
        return h(
          'li',
          {},
          h(
            'p.meta',
            {},
            h('span.tag', {}, t(`event.${row.event}`)),
            h('span', {}, t('memories.version', { version: row.version })),
            h('time', { datetime: row.at }, time(row.at)),
            h('span', {}, t(`actor.${row.actor}`)),
            row.model && h('span', {}, row.model),
          ),
          change(row),
          row.reason && h('p.muted', {}, row.reason),
          canRestore && h('div', {}, restore),
        )
      })
    })
    return list
  })
}

/** @param {any} row */
function change({ before, after }) {
  const parts = diffWords(before ?? '', after ?? '', language)
  const tags = { same: 'span', removed: 'del', added: 'ins' }
  return h('p.text', { dir: 'auto' }, ...parts.map(({ kind, text }) => h(tags[kind], {}, text)))
}
