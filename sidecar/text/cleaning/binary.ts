import type { Count } from './counts.ts'

/**
 * Replaces data URIs, and base64 or hex data of more than 256 characters, by `[image]`, `[audio]`, `[video]` or
 * `[binary 60 kB]`. The size is that of the removed text. Linear in the text.
 */
export function replaceBinary(text: string, count: Count): string {
  const replaced = replaceDataUris(text, count)
  return replaced
    .replace(WRAPPED, (block) => (isMixed(block) ? placeholderOf('', block, count) : block))
    .replace(RUN, (run) => (isEncoded(run) ? placeholderOf('', run, count) : run))
    .replace(MARKDOWN_IMAGE, (_, alt: string, placeholder: string) => `${alt} ${placeholder}`.trimStart())
}

/** `data:`, its type and its parameters, up to the comma. Also where JSON escapes the slash. */
const DATA_URI = /data:(?:([a-z]{1,20})\\?\/[a-z0-9.+-]{1,80})?((?:;[a-z0-9_.+=-]{1,80}){0,5}),/giu
const BASE64 = /(?:[A-Za-z0-9+/_-]|\\\/|%2[BF])*(?:=|%3D){0,2}/iy
/** What may stand in a URI; an SVG image may also be unescaped. */
const URI_BODY = /[^\s"'<>()[\]{}`]*/y

function replaceDataUris(text: string, count: Count): string {
  let kept = ''
  let from = 0
  const lastSvgEnd = text.lastIndexOf('</svg>')
  for (const match of text.matchAll(DATA_URI)) {
    const { index } = match
    const [head, type = '', parameters = ''] = match
    const isBase64 = /;base64$/i.test(parameters)
    // "metadata:text/plain,x" is no URI.
    if (index < from || (!isBase64 && (type === '' || /\w/.test(text.charAt(index - 1))))) continue
    const start = index + head.length
    let end: number
    if (!isBase64 && text.startsWith('<svg', start) && start < lastSvgEnd) {
      end = text.indexOf('</svg>', start) + '</svg>'.length
    } else {
      const body = isBase64 ? BASE64 : URI_BODY
      body.lastIndex = start
      end = start + (body.exec(text)?.[0].length ?? 0)
    }
    if (end === start) continue
    kept += text.slice(from, index) + placeholderOf(type.toLowerCase(), text.slice(start, end), count)
    from = end
  }
  return kept + text.slice(from)
}

/** Base64 in lines, as in mails (76 characters) and certificates (64): at least four full lines. */
const WRAPPED =
  /(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{64,76}(?:\r?\n[A-Za-z0-9+/]{64,76}){3,}(?:\r?\n[A-Za-z0-9+/]{1,76}={0,2}|={0,2})(?![A-Za-z0-9+/=])/g
/** The lookbehind starts a match only at the start of a run, which keeps the search linear. */
const RUN = /(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{257,}={0,2}/g
const MARKDOWN_IMAGE =
  /!\[([^[\]\n]{0,200})\]\((\[(?:image|audio|video|binary \d{1,9} kB)\])[^()\n]{0,200}\)/g

const HEX = /^[\da-f]+$/i
/** Minimum share of capitals and digits; slugs, paths and drawn-out words have fewer, encoded data more than half. */
const MIN_CODED_SHARE = 0.2
/** Minimum share of letters and digits; lines drawn with dashes have fewer. */
const MIN_WORD_SHARE = 0.75

/** A list of hashes has no capitals, or nothing else. */
function isMixed(block: string): boolean {
  return /[a-z]/.test(block) && /[A-Z]/.test(block)
}

function isEncoded(run: string): boolean {
  if (HEX.test(run)) return new Set(run.toLowerCase()).size > 3
  let coded = 0
  let separators = 0
  for (let i = 0; i < run.length; i++) {
    const code = run.charCodeAt(i)
    if ((code >= 48 && code <= 57) || (code >= 65 && code <= 90)) coded += 1
    else if (code < 97) separators += 1
  }
  return coded / run.length >= MIN_CODED_SHARE && separators / run.length <= 1 - MIN_WORD_SHARE
}

/** The first characters of common formats in base64. */
const SIGNATURES: readonly [RegExp, string][] = [
  [/^(?:iVBORw0KGgo|\/9j\/|R0lGOD|PHN2Zy)/, 'image'],
  [/^(?:SUQz|T2dnUw|ZkxhQw)/, 'audio'],
]

function placeholderOf(type: string, data: string, count: Count): string {
  const known = type || SIGNATURES.find(([signature]) => signature.test(data))?.[1]
  if (known === 'image' || known === 'audio' || known === 'video') {
    count(known === 'image' ? 'images' : known === 'audio' ? 'audio' : 'binary')
    return `[${known}]`
  }
  count('binary')
  return `[binary ${Math.max(1, Math.round(data.length / 1000))} kB]`
}
