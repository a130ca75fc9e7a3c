import { CliError } from './input/cli-error.ts'

/**
 * The sidecar's address and key: from the options, else from the settings of a sidecar on this machine. A key is taken
 * from `API_KEYS` only if there is exactly one, because the key decides the namespace.
 * @throws {CliError} for an invalid address
 */
export function connectionOptions(
  options: { url?: string | undefined; key?: string | undefined },
  env: NodeJS.ProcessEnv,
) {
  const url = options.url ?? `http://127.0.0.1:${env['PORT']?.trim() || 8484}`
  if (!/^https?:\/\/[^/]/.test(url)) {
    throw new CliError(`--url: expected an address like http://127.0.0.1:8484, got ${JSON.stringify(url)}`)
  }
  return { url, key: options.key ?? onlyKey(env['API_KEYS'] ?? '') }
}

function onlyKey(setting: string): string | undefined {
  const pairs = setting.split(',').filter((pair) => pair.trim() !== '')
  const key = pairs.length === 1 ? /^[^:]+:(.+)$/.exec((pairs[0] as string).trim())?.[1] : undefined
  return key?.startsWith('sha256:') ? undefined : key
}
