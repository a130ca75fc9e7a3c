/** Longest texts that are compared word by word; longer ones count as replaced. */
const MAX_WORDS = 600

/**
 * The words of two texts that stayed, went or were added.
 * @param {string} before @param {string} after @param {string} language
 * @returns {{ kind: 'same' | 'removed' | 'added', text: string }[]}
 */
export function diffWords(before, after, language) {
  const a = words(before, language)
  const b = words(after, language)
  if (a.length > MAX_WORDS || b.length > MAX_WORDS) {
    return [
      { kind: 'removed', text: before },
      { kind: 'added', text: after },
    ]
  }
  // Length of the longest common subsequence of the words from i and j on.
  const length = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1))
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      length[i][j] = a[i] === b[j] ? length[i + 1][j + 1] + 1 : Math.max(length[i + 1][j], length[i][j + 1])
    }
  }
  /** @type {{ kind: 'same' | 'removed' | 'added', text: string }[]} */
  const parts = []
  const add = (/** @type {'same' | 'removed' | 'added'} */ kind, /** @type {string} */ text) => {
    const last = parts.at(-1)
    if (last?.kind === kind) last.text += text
    else parts.push({ kind, text })
  }
  let i = 0
  let j = 0
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      add('same', a[i])
      i++
      j++
    } else if (j >= b.length || (i < a.length && length[i + 1][j] >= length[i][j + 1])) add('removed', a[i++])
    else add('added', b[j++])
  }
  return parts
}

/** @param {string} text @param {string} language */
function words(text, language) {
  return [...new Intl.Segmenter(language, { granularity: 'word' }).segment(text)].map(
    ({ segment }) => segment,
  )
}
