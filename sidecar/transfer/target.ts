import { CannotGoOn } from './client.ts'

type Env = Readonly<Record<string, string | undefined>>

/**
 * Where the sidecar is and how to be let in: as the options say, else as the settings of a sidecar on this machine
 * have it. A key is taken from `API_KEYS` only where there is just one: with several it would decide the namespace.
 * @throws {CannotGoOn} for an address that is none
 */
export function targetOf(options: { url?: string | undefined; key?: string | undefined }, env: Env) {
  const url = options.url ?? `http://127.0.0.1:${env['PORT']?.trim() || 8484}`
  if (!/^https?:\/\/[^/]/.test(url)) {
    throw new CannotGoOn(`--url: expected an address like http://127.0.0.1:8484, got ${JSON.stringify(url)}`)
  }
  return { url, key: options.key ?? onlyKey(env['API_KEYS'] ?? '') }
}

function onlyKey(setting: string): string | undefined {
  const pairs = setting.split(',').filter((pair) => pair.trim() !== '')
  const key = pairs.length === 1 ? /^[^:]+:(.+)$/.exec((pairs[0] as string).trim())?.[1] : undefined
  return key?.startsWith('sha256:') ? undefined : key
}
