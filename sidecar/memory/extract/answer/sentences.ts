/** Whether a text is long enough to say something by itself. */
export function isSentence(text: string, words = 3): boolean {
  const letters = text.match(/\p{L}/gu)?.length ?? 0
  return letters >= 4 && (text.trim().split(/\s+/u).length >= words || DENSE.test(text))
}

/** A line of a list without its mark. */
export function withoutBullet(line: string): string {
  return line.replace(/^\s*(?:[-*–—](?=\s)|[•‣◦・●▪]|\(?\d{1,3}[.)、）]|[①-⑳])\s*/u, '').trim()
}

/** How models say in words that there is nothing. */
export const NOTHING =
  /^(?:none|null|nothing|n\/a|\[\]|-|无|無|没有|なし|ありません|없음|(?:there (?:are|is|were) )?(?:no|nothing) ?(?:new |relevant |extractable |notable |important |memorable )*(?:facts?|memories|information|details|personal information)?(?: (?:to|was|were|worth|in|that|found|extract(?:ed)?|remember(?:ed)?|be|store|the|this|conversation|messages?|batch))*)?[.。!]?$/iu
const DENSE = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Hangul}]{4}/u
