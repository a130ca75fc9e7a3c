/**
 * Value rules shared by manifest, provider and tool files. Every message is the phrase between "expected" and "got".
 * The rules accept what both the daemon's validators and the Dify API's models accept. (The daemon validates JSON sent
 * over TCP, but not the YAML of a package.)
 */
import { z } from 'zod'

export const text = (phrase = 'a string') => z.string({ error: phrase })
export const flag = () => z.boolean({ error: 'true or false' })
export const oneOf = <const T extends readonly string[]>(values: T) =>
  z.enum(values, { error: `one of ${values.join(', ')}` })

/** Text of 1 to `max` characters, counted as code points like the daemon's validator. */
export function bounded(max: number, phrase = `a string of 1 to ${max} characters`) {
  return text(phrase).refine((value) => value !== '' && codePoints(value) <= max, { error: phrase })
}

export function matching(pattern: RegExp, phrase: string) {
  return text(phrase).regex(pattern, { error: phrase })
}

const localeText = bounded(1023)
export const i18n = () =>
  z.object(
    {
      en_US: localeText,
      zh_Hans: localeText.exactOptional(),
      ja_JP: localeText.exactOptional(),
      pt_BR: localeText.exactOptional(),
    },
    { error: 'a mapping of locales with at least en_US' },
  )
/** A text in several languages. Dify drops other locales. */
export type I18n = z.infer<ReturnType<typeof i18n>>

/**
 * The daemon accepts `x.y.z` with one `-suffix`; the API accepts PEP 440. Both accept a numeric suffix (a
 * post-release) or a PEP 440 word with an optional number.
 */
const versionPhrase = 'a version such as 1.2.3, 1.2.3-beta or 1.2.3-rc1'
export const version = () =>
  matching(
    /^\d{1,4}(\.\d{1,4}){2}(-(\d{1,16}|(a|b|c|rc|alpha|beta|pre|preview|post|rev|r|dev)\d{0,8}))?$/,
    versionPhrase,
  )

/** A PEP 440 version as written in practice: release, then pre, post and dev parts. */
export const pep440 = () =>
  matching(
    /^v?\d+(\.\d+)*([-._]?(a|b|c|rc|alpha|beta|pre|preview)[-._]?\d*)?(-\d+|[-._]?(post|rev|r)[-._]?\d*)?([-._]?dev[-._]?\d*)?$/i,
    'a PEP 440 version such as 1.7.0',
  )

/** The tags of both the manifest validator and the API's provider-tag enum; `agent` and `trigger` are not. */
const TAGS =
  'search image videos weather finance design travel social news medical productivity education business entertainment utilities rag other'
export const tags = () => z.array(oneOf(TAGS.split(' ')), { error: 'a list of tags' })

export const assetName = () => bounded(128, 'the name of a file in _assets/, 1 to 128 characters')

export const option = (maxValue: number) =>
  z.object(
    {
      value: bounded(maxValue, `a string of 1 to ${maxValue} characters (quote numbers and booleans)`),
      label: i18n(),
      icon: text().exactOptional(),
    },
    { error: 'a mapping with value and label' },
  )

const modelScopes = 'llm text-embedding rerank tts speech2text moderation vision document tool-call'.split(
  ' ',
)
const appScopes = 'all chat workflow completion'.split(' ')
const anyScopes = 'string number object array[number] array[string] array[object] array[file]'.split(' ')
const scopes: Record<string, string[]> = {
  'model-selector': modelScopes,
  'app-selector': appScopes,
  any: anyScopes,
}

/**
 * The expected scope, or undefined if it is valid. The daemon accepts `a&b` if any part is known, but an unknown part
 * selects nothing, so every part must be known here.
 */
export function scopeProblem(type: unknown, scope: unknown, allowed: readonly string[]): string | undefined {
  if (typeof scope !== 'string' || typeof type !== 'string') return undefined
  const known = allowed.includes(type) ? scopes[type] : undefined
  if (!known) return `no scope on a ${type} (only ${allowed.join(', ')} have one)`
  if (scope.length > 1024) return 'at most 1024 characters'
  const good = scope.split('&').every((part) => known.includes(part))
  return good ? undefined : `one or more of ${known.join(', ')}, joined with &`
}

function codePoints(value: string): number {
  let count = 0
  for (const _ of value) count++
  return count
}
