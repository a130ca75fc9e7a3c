import { readFileSync } from 'node:fs'
import groups from '../data/word-groups.json' with { type: 'json' }
import type { Language } from '../terms/language.ts'
import { foldAccents, normalise } from '../terms/normalise.ts'
import { hasUnspacedScript } from '../terms/segment.ts'
import { stem } from '../terms/stem.ts'
import { relatedTermsOf } from './thesaurus.ts'

/** Terms that may occur in place of a word. */
export interface RelatedTerms {
  forms: readonly string[]
  /** One occurrence counts as this many occurrences of the word itself, 0…1. */
  weight: number
}

/** Languages with data, by the name of their stemmer. */
const CODES: Record<Language, string> = {
  dutch: 'nl',
  english: 'en',
  french: 'fr',
  german: 'de',
  italian: 'it',
  portuguese: 'pt',
  russian: 'ru',
  spanish: 'es',
}

const SYNONYM = 0.25
const MEMBER = 0.5
const SAME_GROUP = 0.5
const SAME_EMOJI = 0.5

/**
 * Words that are related to a word of a question, without a model:
 * - the hand-written English thesaurus and groups of everyday words (`data/word-groups.json`: family, home, work, health …);
 * - words that describe the same emoji in Unicode CLDR (`data/emoji-keywords/`), weighted by the share of their emoji in
 *   common (cosine).
 *
 * @param word as in the normalised text
 * @param text the whole normalised text, which tells Japanese from Chinese
 */
export function relatedTerms(word: string, language: Language, text: string): readonly RelatedTerms[] {
  const code = codeOf(word, language, text)
  if (code === undefined) return []
  const term = termOf(word, code) ?? word
  const table = tableOf(code)
  const known = table.related.get(term)
  if (known) return known
  const related = findRelated(term, code, table)
  if (related.length > 0 || table.emojiOf.has(term)) table.related.set(term, related)
  return related
}

function findRelated(term: string, code: string, table: Table): RelatedTerms[] {
  const english = code === 'en' ? relatedTermsOf(term) : undefined
  return [
    { forms: english?.synonyms ?? [], weight: SYNONYM },
    { forms: english?.members ?? [], weight: MEMBER },
    { forms: table.sameGroup.get(term) ?? [], weight: SAME_GROUP },
    ...sameEmoji(term, table).map(([form, similarity]) => ({
      forms: [form],
      weight: SAME_EMOJI * similarity,
    })),
  ].filter(({ forms }) => forms.length > 0)
}

function codeOf(word: string, language: Language, text: string): string | undefined {
  if (!hasUnspacedScript(word)) return CODES[language]
  if (/\p{Script=Hangul}/u.test(word)) return 'ko'
  if (/\p{Script=Hiragana}|\p{Script=Katakana}/u.test(text)) return 'ja'
  return /\p{Script=Han}/u.test(word) ? 'zh' : undefined
}

interface Table {
  sameGroup: ReadonlyMap<string, readonly string[]>
  /** The keywords of each emoji that a term is a keyword of. */
  emojiOf: ReadonlyMap<string, readonly (readonly string[])[]>
  /** The results for terms of the data that were looked up. */
  related: Map<string, readonly RelatedTerms[]>
}

const tables = new Map<string, Table>()

/** Read at the first question in a language, which takes a few milliseconds. */
function tableOf(code: string): Table {
  const known = tables.get(code)
  if (known) return known
  const table = { sameGroup: readGroups(code), emojiOf: readEmoji(code), related: new Map() }
  tables.set(code, table)
  return table
}

function readGroups(code: string): Table['sameGroup'] {
  const table = new Map<string, Set<string>>()
  for (const line of (groups as Record<string, string[]>)[code] ?? []) {
    const terms = line.split(' ').flatMap((word) => termOf(word, code) ?? [])
    for (const term of terms) {
      const others = table.get(term) ?? new Set()
      for (const other of terms) if (other !== term) others.add(other)
      table.set(term, others)
    }
  }
  return new Map([...table].map(([term, others]) => [term, [...others]]))
}

function readEmoji(code: string): Table['emojiOf'] {
  const file = new URL(`../data/emoji-keywords/${code}.json`, import.meta.url)
  const table = new Map<string, string[][]>()
  for (const line of JSON.parse(readFileSync(file, 'utf8')) as string[]) {
    const keywords = line.split(' ')
    for (const term of keywords) {
      const known = table.get(term)
      if (known) known.push(keywords)
      else table.set(term, [keywords])
    }
  }
  return table
}

/** Less similar words share an emoji by chance. */
const MIN_SIMILARITY = 0.25
const MAX_WORDS = 12

/** Words that describe the same emoji, by falling similarity. */
function sameEmoji(term: string, { emojiOf }: Table): (readonly [form: string, similarity: number])[] {
  const emoji = emojiOf.get(term) ?? []
  const common = new Map<string, number>()
  for (const keywords of emoji) {
    for (const other of keywords) if (other !== term) common.set(other, (common.get(other) ?? 0) + 1)
  }
  const countOf = (other: string) => emojiOf.get(other)?.length ?? 0
  return [...common]
    .map(([other, count]) => [other, count / Math.sqrt(emoji.length * countOf(other))] as const)
    .filter(([, similarity]) => similarity >= MIN_SIMILARITY)
    .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    .slice(0, MAX_WORDS)
}

/** The index term of a keyword; `undefined` for one that is no single term. */
export function termOf(keyword: string, code: string): string | undefined {
  const normal = normalise(keyword)
  const language = LANGUAGE_OF.get(code)
  if (language !== undefined) {
    return /^\p{L}+$/u.test(normal) ? foldAccents(stem(normal, language)) : undefined
  }
  const joined = normal.replace(/[\s·]+/gu, '')
  const isTerm = (joined.length >= 2 && joined.length <= 6) || SINGLE.test(joined)
  return isTerm ? joined : undefined
}

const LANGUAGE_OF = new Map(Object.entries(CODES).map(([language, code]) => [code, language]))
const SINGLE = /^[\p{Script=Han}\p{Script=Hangul}]$/u
