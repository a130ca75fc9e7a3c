/**
 * Normalises a text for comparison: NFKC (full-width letters, ligatures, half-width kana), lower case, straight
 * apostrophes, no invisible joiners, no Arabic vowel marks or tatweel, one form of alef and yeh.
 */
export function normalise(text: string): string {
  const folded = text.normalize('NFKC').toLowerCase()
  // Fast path: ASCII is the most common case.
  if (!NON_ASCII.test(folded)) return folded
  return folded
    .replace(APOSTROPHES, "'")
    .replace(IGNORABLE, '')
    .replace(ARABIC_MARKS, '')
    .replace(/[أإآٱ]/g, 'ا')
    .replace(/ى/g, 'ي')
}

/**
 * Removes accents from Latin letters (`café` → `cafe`), and maps `ß` → `ss`, `ё` → `е`. Other scripts keep their
 * marks: in Japanese and Thai they are part of the letter. Apply it after stemming, because stemmers use the accents.
 */
export function foldAccents(word: string): string {
  if (!FOLDABLE.test(word)) return word
  return word
    .normalize('NFD')
    .replace(LATIN_WITH_MARKS, '$1')
    .normalize('NFC')
    .replace(/ß/g, 'ss')
    .replace(/ø/g, 'o')
    .replace(/æ/g, 'ae')
    .replace(/œ/g, 'oe')
    .replace(/ł/g, 'l')
    .replace(/ı/g, 'i')
    .replace(/ё/g, 'е')
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the range is "everything beyond ASCII".
const NON_ASCII = /[^\x00-\x7f]/
/** Neither ASCII nor common characters of Chinese, Japanese and Korean, which Unicode composition leaves as they are. */
const FOLDABLE = /[^\p{ASCII}ぁ-ゖァ-ヺー一-鿿가-힣]/u
const APOSTROPHES = /[\u2018\u2019\u02bc\uff07\u0060\u00b4]/g
const IGNORABLE = /[\u00ad\u200b-\u200f\u2060\ufeff]|[\ufe00-\ufe0f]/g
const ARABIC_MARKS = /[\u0640\u064b-\u065f\u0670]/g
const LATIN_WITH_MARKS = /(\p{Script=Latin})\p{M}+/gu
