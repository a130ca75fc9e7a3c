import type { Context } from 'hono'
import { accepts } from 'hono/accepts'
import { getCookie } from 'hono/cookie'

/** Languages of the dashboard with their own names; each has a file in `assets/languages/`. */
export const LANGUAGES = {
  en: 'English',
  ja: '日本語',
  'zh-Hans': '简体中文',
  ko: '한국어',
  'pt-BR': 'Português (Brasil)',
} as const

export type Language = keyof typeof LANGUAGES

/** Set by the picker of the page. */
const LANGUAGE_COOKIE = 'hippocache_language'

/** The language that was picked, else the first of `Accept-Language` that there is, else English. */
export function languageOf(c: Context): Language {
  const picked = getCookie(c, LANGUAGE_COOKIE)
  if (picked !== undefined && Object.hasOwn(LANGUAGES, picked)) return picked as Language
  const supports = Object.keys(LANGUAGES)
  return accepts(c, {
    header: 'Accept-Language',
    supports,
    default: 'en',
    match: (accepted, { default: byDefault }) =>
      accepted
        .toSorted((a, b) => b.q - a.q)
        .map(({ type }) => supports.find((name) => baseOf(name) === baseOf(type)))
        .find((name) => name !== undefined) ?? byDefault,
  }) as Language
}

/** `zh-TW` gets `zh-Hans`: nearer than English. */
function baseOf(tag: string): string | undefined {
  return tag.split('-')[0]?.toLowerCase()
}
