import words from '../data/secret-words.json' with { type: 'json' }
import type { Count } from './counts.ts'

/** What the rules of an app may remove from every text. */
export const REDACTED_KINDS = ['password', 'card', 'email', 'phone'] as const
export type RedactedKind = (typeof REDACTED_KINDS)[number]

/** Replaces personal data by its kind in brackets, such as `[card]`. Linear in the text. */
export function redact(text: string, kinds: readonly RedactedKind[], count: Count): string {
  let redacted = text
  // A card number contains what looks like a phone number, so the order matters.
  for (const kind of REDACTED_KINDS) {
    if (kinds.includes(kind)) redacted = REDACT[kind](redacted, () => count('redacted'))
  }
  return redacted
}

const alternatives = (lists: readonly string[]) =>
  lists
    .flatMap((list) => list.split('|'))
    .sort((a, b) => b.length - a.length)
    .map((word) => word.replace(/[-.]/g, '[$&]?').replace(/ /g, '[ _-]?'))
    .join('|')

const LINK = `[ \\t]{0,5}(?:[:：=]|=>|->|→|(?:${alternatives(words.link)})(?:(?<=[\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Hangul}])|(?![\\p{Script=Latin}\\p{Script=Cyrillic}']))[:：]?)[ \\t]{0,5}\\n?[ \\t]{0,5}`
/** "… for the router" between the word and its link. */
const PURPOSE = `(?:[ \\t](?:for|to|of|on|für|zum|von|de|del|para|pour|do|da|от|для)[ \\t][^\\n.:=]{1,40}?)?`
/** The word, its link if it has one, and the secret. */
const PASSWORD = new RegExp(
  `(?<before>(?:(?<![\\p{L}\\p{N}])|(?<=[\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}_]))(?:${alternatives(words.password)})s?["'”’」』*\`]{0,3}(?:${PURPOSE}(?<link>${LINK})|[ \\t]{1,5})["'“‘「『*\`]{0,3})(?<secret>[!-~]{1,256}|[^\\s\\p{P}]{1,64})`,
  'giu',
)
const NOT_SECRET = new Set(words.notSecret.flatMap((list) => list.split('|')))
const URL_PASSWORD = /(:\/\/[^\s:@/]{1,64}:)([^\s@/]{1,128})(?=@)/g

function redactPasswords(text: string, count: () => void): string {
  return text
    .replace(PASSWORD, (match, ...parts) => {
      const { before, link, secret } = parts.at(-1) as Record<'before' | 'link' | 'secret', string>
      const [, value = '', rest = ''] = /^(.*?)(["'`*,.;)\]}]*)$/su.exec(secret) ?? []
      if (!isSecret(value, link)) return match
      count()
      return `${before}[password]${rest}`
    })
    .replace(URL_PASSWORD, (_, before: string) => {
      count()
      return `${before}[password]`
    })
}

/** @param link what stands between the word for a password and the value; absent: white space */
function isSecret(value: string, link: string | undefined): boolean {
  if (value === '' || PLACEHOLDER.test(value)) return false
  // "The password 12ab" names a secret, "the password of the router" does not.
  if (link === undefined) return /\p{N}/u.test(value) && value.length >= 4
  if (/[:：=>→]/.test(link)) return true
  return !NOT_SECRET.has(value.toLowerCase()) && !UNSPACED.test(value)
}

/** What follows "パスワードは" is a sentence unless it is ASCII. */
const UNSPACED = /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u
const PLACEHOLDER = /^\[(?:image|audio|video|binary|password|card|email|phone)\b/

/** Digits with the separators that people write between them. Two capitals before them make it a bank account. */
const CARD = /(?<!\p{Nd}|\b[A-Z]{2})\p{Nd}(?:[ \u00a0.\-‐–－]{0,2}\p{Nd}){12,}(?!\p{Nd})/gu
const MIN_CARD_DIGITS = 13
const MAX_CARD_DIGITS = 19

function redactCards(text: string, count: () => void): string {
  return text.replace(CARD, (run) => {
    const groups = [...run.matchAll(/\p{Nd}+/gu)]
    const digits = groups.map(([group]) => digitsOf(group))
    let kept = ''
    let from = 0
    for (let first = 0; first < groups.length; first++) {
      const last = lastGroupOfCard(digits, first)
      if (last === undefined) continue
      const [start, end] = [groups[first], groups[last]]
      kept += `${run.slice(from, start?.index)}[card]`
      from = (end?.index ?? 0) + (end?.[0].length ?? 0)
      first = last
      count()
    }
    return kept + run.slice(from)
  })
}

/** Where the longest card number ends that starts with the group `first`. */
function lastGroupOfCard(groups: readonly string[], first: number): number | undefined {
  let digits = ''
  let end: number | undefined
  for (let last = first; last < groups.length; last++) {
    digits += groups[last]
    if (digits.length > MAX_CARD_DIGITS) break
    const isWhole = first === 0 && last === groups.length - 1 && digits.length > MIN_CARD_DIGITS
    // Part of a longer number must also start as the numbers of card issuers do.
    if (digits.length >= MIN_CARD_DIGITS && (isWhole || /^[2-6]/.test(digits)) && isLuhn(digits)) end = last
  }
  return end
}

function isLuhn(digits: string): boolean {
  if (/^(\d)\1*$/.test(digits)) return false
  let sum = 0
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i])
    const doubled = i % 2 === 1 ? digit * 2 : digit
    sum += doubled > 9 ? doubled - 9 : doubled
  }
  return sum % 10 === 0
}

/** The lookbehind starts a match only where an address can start, which keeps the search linear. */
const LETTER = '\\p{Script=Latin}\\p{Script=Cyrillic}\\p{Script=Greek}\\d'
const EMAIL = new RegExp(
  `(?<![${LETTER}._%+-])[${LETTER}_%+-](?:[${LETTER}._%+'-]{0,63})(?:[@＠]|\\s?[[(](?:at|AT|@)[\\])]\\s?)(?:[${LETTER}](?:[${LETTER}-]{0,62})(?:\\.|\\s?[[(]dot[\\])]\\s?)){1,8}[\\p{Script=Latin}\\p{Script=Cyrillic}\\p{Script=Greek}]{2,24}`,
  'gu',
)

function redactEmails(text: string, count: () => void): string {
  return text.replace(EMAIL, () => {
    count()
    return '[email]'
  })
}

/** A run of digits with the separators of phone numbers; `isPhone` decides. */
const PHONE =
  /(?<![\p{Nd}\p{Script=Latin}\p{Script=Cyrillic},/+＋-])[+＋]?[(（]?\p{Nd}(?:[ \u00a0.()（）\-‐–－/]{0,3}\p{Nd}){5,19}(?![\p{Nd}\p{Script=Latin}\p{Script=Cyrillic}])/gu
const DATE =
  /((?<!\d)(?:(?:19|20)\d{2}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./](?:19|20)\d{2})(?!\d))/
const AFTER_WORD = new RegExp(`(?:${alternatives(words.phone)})[^\\p{Nd}\\n]{0,24}$`, 'iu')

function redactPhones(text: string, count: () => void): string {
  const parts = text.split(DATE).map((part, i) => {
    // Dates stand at the odd places.
    if (i % 2 === 1) return part
    return part.replace(PHONE, (run, at: number) => {
      if (!isPhone(run, part.slice(Math.max(0, at - 48), at))) return run
      count()
      return '[phone]'
    })
  })
  return parts.join('')
}

/** Shapes of national numbers without a trunk prefix: North America, Brazil, Russia, Spain and Portugal. */
const SHAPES =
  /^(?:(?:0[ .-])?\(?000\)?[ .-]?000[ .-]0000|\(00\) ?00000-?0000|0[ -]?\(?000\)?[ -]?000[ -]?00[ -]?00|000 000 000|000 00 00 00)$/

function isPhone(run: string, before: string): boolean {
  const digits = digitsOf(run)
  const shape = run
    .normalize('NFKC')
    .replace(/[‐–]/g, '-')
    .replace(/\p{Nd}/gu, '0')
  if (digits.length > 15 || /^\d\.\d+$/.test(run)) return false
  if (shape.startsWith('+')) return digits.length >= 7
  if (AFTER_WORD.test(before)) return true
  if (digits.startsWith('00')) return digits.length >= 10
  if (digits.startsWith('0')) return digits.length >= 9 && digits.length <= 12
  // Mobile numbers of China and Russia are written without separators too.
  return /^(?:1[3-9]|[78]9)\d{9}$/.test(digits) || (shape !== '0'.repeat(11) && SHAPES.test(shape))
}

/** Digits of any script as ASCII. */
function digitsOf(text: string): string {
  return text
    .normalize('NFKC')
    .replace(/[\u0660-\u0669\u06f0-\u06f9]/g, (digit) => String(digit.charCodeAt(0) & 15))
    .replace(/\D/g, '')
}

const REDACT: Readonly<Record<RedactedKind, (text: string, count: () => void) => string>> = {
  password: redactPasswords,
  card: redactCards,
  email: redactEmails,
  phone: redactPhones,
}
