/** @type {Record<string, string>} */
let texts = {}
export const language = document.documentElement.lang

/** Loads the texts of the language that the server chose. */
export async function loadTexts() {
  const response = await fetch(`/dashboard/files/languages/${language}.json`)
  texts = await response.json()
}

/**
 * The text of a key, with `{name}` replaced by parameters.
 * @param {string} key
 * @param {Record<string, any>} [parameters]
 * @returns {string}
 */
export function t(key, parameters = {}) {
  const text = texts[key]
  if (text === undefined) {
    // Once per key.
    texts[key] = key
    console.error(`no text for ${key} in ${language}`)
    return key
  }
  return text.replace(/\{(\w+)\}/g, (_, name) => String(parameters[name] ?? ''))
}

/** The text of a key, or `otherwise` for a value that has none. @param {string} key @param {string} otherwise */
export function textOr(key, otherwise) {
  return texts[key] ?? otherwise
}

/** @param {number | null | undefined} value @param {Intl.NumberFormatOptions} [options] */
export function number(value, options = { maximumFractionDigits: 2 }) {
  return value === null || value === undefined ? '–' : new Intl.NumberFormat(language, options).format(value)
}

/** @param {number | null | undefined} share 0…1 */
export function percent(share) {
  return number(share, { style: 'percent', maximumFractionDigits: 1 })
}

/** @param {number | null | undefined} ms */
export function milliseconds(ms) {
  return ms === null || ms === undefined ? '–' : `${number(ms, { maximumSignificantDigits: 3 })} ms`
}

/** @param {string | null | undefined} iso */
export function time(iso) {
  if (!iso) return '–'
  return new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(iso))
}

/** Turn numbers as ranges: `1–4, 7`. @param {number[]} turns ascending */
export function ranges(turns) {
  /** @type {number[][]} */
  const found = []
  for (const turn of turns) {
    const last = found.at(-1)
    if (last && last[1] === turn - 1) last[1] = turn
    else found.push([turn, turn])
  }
  return found.map(([first, last]) => (first === last ? `${first}` : `${first}–${last}`)).join(', ') || '–'
}
