import { identityKey } from '../../text/identity.ts'
import { normalise } from '../../text/terms/normalise.ts'
import { readText, termsOf } from '../../text/terms/tokens.ts'
import { looksLikeCommand } from './commands.ts'

/** The content of a text as far as its words show it. */
interface Content {
  /** Stems of its content words, without negations. */
  words: Set<string>
  /** Bigrams of scripts without spaces, which may be segmented differently in two texts. */
  bigrams: Set<string>
  numbers: Set<string>
  isNegated: boolean
}

function contentOf(text: string): Content {
  const { rest, isNegated } = removeNegation(text)
  const { words, variants, language } = readText(rest)
  const all = [...words, ...variants]
  const termsWhere = (kinds: readonly string[]) =>
    new Set(termsOf({ language, words: all.filter((word) => kinds.includes(word.kind)) }))
  return {
    words: termsWhere(['word', 'number', 'unspaced', 'symbol']),
    bigrams: termsWhere(['gram']),
    numbers: termsWhere(['number']),
    isNegated,
  }
}

/**
 * Minimum share of the words (or bigrams) specific to a fact that a rewritten text must contain. It is low because
 * "moved to Porto" may become "lives in Porto".
 */
const MIN_PRESERVED = 1 / 3

/** Whether `text` states what `fact` adds to `old`: a third of its own words, all of its numbers, its negation. */
export function preservesFact(text: string, fact: string, old: string): boolean {
  const stated = contentOf(fact)
  const before = contentOf(old)
  const now = contentOf(text)
  if (stated.isNegated !== before.isNegated && now.isNegated !== stated.isNegated) return false
  if (!stated.numbers.difference(before.words).isSubsetOf(now.words)) return false
  const own = stated.words.difference(before.words)
  const required = own.size > 0 ? own : stated.words
  const ownBigrams = stated.bigrams.difference(before.bigrams)
  return (
    share(required, now.words) >= MIN_PRESERVED ||
    (ownBigrams.size > 0 && share(ownBigrams, now.bigrams) >= MIN_PRESERVED)
  )
}

/** Whether `text` contains most of what `old` states besides `fact`, so that it does not replace the old text. */
export function refinesOldText(text: string, old: string, fact: string): boolean {
  const before = contentOf(old)
  const own = before.words.difference(contentOf(fact).words)
  const now = contentOf(text)
  return now.isNegated === before.isNegated && own.size > 0 && share(own, now.words) > 1 / 2
}

/** Whether most of `text` is in none of `sources`: it is invented or translated. */
function isUnsupported(text: string, sources: readonly string[]): boolean {
  const now = contentOf(text)
  const known = sources.map(contentOf)
  const union = (key: 'words' | 'bigrams') => new Set(known.flatMap((one) => [...one[key]]))
  if (share(now.words, union('words')) >= 1 / 2) return false
  return now.bigrams.size === 0 || share(now.bigrams, union('bigrams')) < 1 / 2
}

/** Whether `text` contains `fact` word for word. */
export function containsFact(text: string, fact: string): boolean {
  return (
    quotes(identityKey(text), identityKey(fact)) && contentOf(text).isNegated === contentOf(fact).isNegated
  )
}

/** Whether a text contains a fact as whole words with the same symbols. Its first letter may be a capital or not. */
function quotes(text: string, fact: string): boolean {
  const [first = ''] = fact
  const starts = new Set([first, first.toLowerCase(), first.toUpperCase()])
  const start = [...starts].map((one) => RegExp.escape(one)).join('|')
  const rest = RegExp.escape(fact.slice(first.length))
  return new RegExp(`${WORD_START}(?:${start})${rest}${WORD_END}`, 'u').test(text)
}

/** Scripts without spaces: a word may end between any two letters. */
const UNSPACED_LETTER =
  '[\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}]'
const WORD_START = `(?:(?<=^|[\\s,;:!?"'(\\u3000-\\u3002\\u3008-\\u3011！，．：；？\\p{Pi}\\p{Ps}])|(?<=${UNSPACED_LETTER})(?=\\p{L}))`
const WORD_END = `(?:(?=$|[.,:](?!\\p{N})|[\\s;!?"')\\u3000-\\u3002\\u3008-\\u3011！，．：；？\\p{Pf}\\p{Pe}])|(?<=\\p{L})(?=${UNSPACED_LETTER}))`

/** Whether a fact only negates `old` and adds nothing: "no longer plays the violin" for "plays the violin". */
export function onlyNegates(fact: string, old: string): boolean {
  const stated = contentOf(fact)
  const before = contentOf(old)
  return stated.isNegated && !before.isNegated && stated.words.isSubsetOf(before.words)
}

/**
 * Chooses the text of an updated memory; `null` when the old text already contains the fact. The text that the model
 * proposes (`''`: none) is used only if it verifiably contains the fact in words of the fact and of the memory.
 */
export function chooseUpdatedText(proposed: string, fact: string, old: string): string | null {
  const key = identityKey(proposed)
  const isUsable =
    proposed !== '' &&
    key !== identityKey(fact) &&
    key !== identityKey(old) &&
    proposed.length <= 2 * (fact.length + old.length) + 200 &&
    !looksLikeCommand(proposed) &&
    preservesFact(proposed, fact, old) &&
    !isUnsupported(proposed, [fact, old])
  if (isUsable) return proposed
  return containsFact(old, fact) ? null : fact
}

/** Share of `required` that is in `found`; 1 when nothing is required. */
function share(required: ReadonlySet<string>, found: ReadonlySet<string>): number {
  return required.size === 0 ? 1 : required.intersection(found).size / required.size
}

/** Removes the words of negation. The result is normalised. */
export function removeNegation(text: string): { rest: string; isNegated: boolean } {
  const normal = normalise(text)
  const rest = normal.replace(NEGATION, ' ')
  return { rest, isNegated: rest !== normal }
}

/** Words of negation. A false match only changes the choice between the text of the fact and that of the model. */
const SPACED = [
  `no longer|any ?more|not|never|no|cannot|without|\\p{L}+n't`,
  `stop(?:s|ped|ping)?|quit(?:s|ting)?|g(?:a|i)ves? up|given up|giving up|ceased|used to|former(?:ly)?`,
  `ne|n'(?=\\p{L})|pas|plus|jamais|arrêt(?:e|é|er) de`,
  `nicht mehr|nicht|kein\\p{L}*|nie|niemals|aufgehört`,
  `ya no|nunca|dej(?:a|ó|ado) de|non|mai|smesso di|não|parou de|deixou de`,
  `niet meer|niet|geen|nooit|gestopt met`,
  `больше не|не|нет|никогда|перестал\\p{L}*|бросил\\p{L}*`,
  `لم يعد|لا|لم|لن|ليس|توقف`,
  `더 이상|안|못|않\\p{L}*|그만\\p{L}*`,
].join('|')

const UNSPACED =
  'なくな[っりる]た?|ない|なかった|ませんでした|ません|(?:や|辞|止)め(?:ました|ている|ています|た)|もう|不再|不|没有?|沒有?|停止了?|戒掉?了?|放弃了?|放棄了?'

const NEGATION = new RegExp(`(?<![\\p{L}\\p{N}])(?:${SPACED})(?![\\p{L}\\p{N}])|${UNSPACED}`, 'gu')
