import { fill, h } from '../lib/dom.js'
import { t } from '../lib/text.js'
import { card, field, working } from '../lib/widgets.js'

/** @param {any} main @param {(key: string) => Promise<void>} signIn */
export function signInPage(main, signIn) {
  const key = h('input', { type: 'password', required: true, autocomplete: 'current-password', name: 'key' })
  const submit = h('button.primary', { type: 'submit' }, t('session.signIn'))
  const form = h(
    'form.column',
    {
      onSubmit: (/** @type {Event} */ event) => {
        event.preventDefault()
        void working(submit, () => signIn(key.value.trim()))
      },
    },
    field(t('session.key'), key, t('session.keyHint')),
    h('div', {}, submit),
  )
  fill(main, h('h1', {}, t('session.title')), h('div.narrow', {}, card(t('session.signIn'), form)))
}
