/** FNV-1a over UTF-16 code units with a final avalanche (MurmurHash3), as an unsigned 32-bit number. */
export function hashTerm(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** 16 bits are enough, because a chance match of one n-gram among hundreds hardly changes a score. */
export function hashGram(gram: string): number {
  return hashTerm(gram) & 0xffff
}
