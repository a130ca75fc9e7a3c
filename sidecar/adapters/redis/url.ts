/** Address and topology of Redis, from `REDIS_URL`. */
export type RedisTarget = ReturnType<typeof parseRedisUrl>

const PORT = { single: 6379, cluster: 6379, sentinel: 26_379 } as const

const FORMS =
  'redis://[user:password@]host[:port][/db], redis+sentinel://host,host/master[/db] or redis+cluster://host,host, ' +
  'each also with rediss for TLS'

/**
 * Parses the forms of `FORMS`; credentials of the sentinels are `?sentinel_username=` and `?sentinel_password=`.
 * @throws {TypeError} with the expected form; the message omits the value, which may contain a password
 */
export function parseRedisUrl(text: string) {
  const parts =
    /^redis(s?)(?:\+(sentinel|cluster))?:\/\/(?:([^@/?#]*)@)?([^@/?#]+)(\/[^?#]*)?(?:\?([^#]*))?$/.exec(text)
  if (!parts) throw new TypeError(`expected ${FORMS}; write @ / ? # in a password as %40 %2F %3F %23`)
  const [, s, kind, login = '', hosts = '', path = '', query = ''] = parts
  const mode = (kind ?? 'single') as keyof typeof PORT
  const nodes = hosts.split(',').map((one) => node(one, PORT[mode]))
  if (mode === 'single' && nodes.length > 1) {
    throw new TypeError('expected one host with redis://; several need redis+sentinel:// or redis+cluster://')
  }
  const colon = login.indexOf(':')
  const segments = path.split('/').slice(1).filter(Boolean)
  const master = mode === 'sentinel' ? decode(segments.shift() ?? '', 'the name of the master') : ''
  if (mode === 'sentinel' && master === '') {
    throw new TypeError(
      'expected the name of the master after the sentinels: redis+sentinel://host,host/mymaster',
    )
  }
  const extra = new URLSearchParams(query)
  for (const name of extra.keys()) {
    if (mode !== 'sentinel' || !/^sentinel_(username|password)$/.test(name)) {
      throw new TypeError(
        'expected only the parameters sentinel_username and sentinel_password, with redis+sentinel://',
      )
    }
  }
  return {
    mode,
    /** The server, the sentinels, or seed nodes of the cluster. */
    nodes,
    tls: s === 's',
    username: decode(colon < 0 ? login : login.slice(0, colon), 'the user') || undefined,
    password: decode(colon < 0 ? '' : login.slice(colon + 1), 'the password') || undefined,
    /** Always 0 in a cluster. */
    db: database(segments, mode),
    /** Name of the master, with sentinels. */
    master: master || undefined,
    /** Credentials of the sentinels themselves. */
    sentinelUsername: extra.get('sentinel_username') || undefined,
    sentinelPassword: extra.get('sentinel_password') || undefined,
  }
}

/** The servers for log messages, without credentials. */
export function describeTarget({ nodes, master }: RedisTarget): string {
  const hosts = nodes.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join(',')
  return master === undefined ? hosts : `${hosts}/${master}`
}

function node(text: string, defaultPort: number): { host: string; port: number } {
  const [, v6, name, digits] = /^(?:\[([0-9a-f:.]+)\]|([\w.-]+))(?::(\d{1,5}))?$/i.exec(text) ?? []
  const host = v6 ?? name
  const port = digits === undefined ? defaultPort : Number(digits)
  if (host === undefined || port < 1 || port > 65_535) {
    throw new TypeError(
      'expected a comma-separated list of host or host:port, with IPv6 addresses in brackets',
    )
  }
  return { host, port }
}

function database(segments: readonly string[], mode: keyof typeof PORT): number {
  const [text = '0', ...more] = segments
  if (more.length > 0 || !/^\d{1,5}$/.test(text)) {
    throw new TypeError('expected a database number after the last slash, such as /0')
  }
  if (mode === 'cluster' && Number(text) !== 0)
    throw new TypeError('expected no database number: a cluster has only 0')
  return Number(text)
}

function decode(text: string, what: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new TypeError(`expected ${what} percent-encoded, got an invalid % sequence`)
  }
}
