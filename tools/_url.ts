import { show } from './_words.ts'

/** A sidecar address that calls can be built on, or the reason why the text is none. */
export type SidecarUrl = { ok: true; base: string; host: string } | { ok: false; message: string }

const EXPECTED = 'an address that starts with http:// or https://, such as http://hippocache:8484'

/**
 * Reads the `sidecar_url` credential. Tolerates what people paste: blanks around it, trailing slashes, and the
 * `/v1` of the API. A path prefix of a reverse proxy stays. `base` has no slash at its end and never holds a
 * user name or password, so it may be shown.
 */
export function readSidecarUrl(given: unknown): SidecarUrl {
  const text = typeof given === 'string' ? given.trim() : ''
  if (text === '') return wrong(`expected ${EXPECTED}, but it is empty`)
  // Not echoed: what stands before the @ may be a password.
  if (text.includes('@'))
    return wrong(`expected ${EXPECTED}, without user name or password; the key goes into API key`)
  const url = URL.parse(text)
  if (!url || !/^https?:$/.test(url.protocol) || !/^https?:\/\//i.test(text))
    return wrong(`expected ${EXPECTED}, came ${show(text)}`)
  if (url.search || url.hash) return wrong(`expected ${EXPECTED}, without ? or #, came ${show(text)}`)
  const path = url.pathname.replace(/\/+$/, '').replace(/\/v1$/, '').replace(/\/+$/, '')
  return { ok: true, base: url.origin + path, host: url.hostname }
}

/** True for names that mean "this machine", which inside Dify's containers is the container. */
export function isLoopback(host: string): boolean {
  return /^(localhost|.*\.localhost|127(\.\d+){3}|0\.0\.0\.0|\[::1?\])$/i.test(host)
}

const wrong = (problem: string): SidecarUrl => ({ ok: false, message: `Sidecar URL: ${problem}.` })
