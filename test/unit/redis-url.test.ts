import { describe, expect, it } from 'vitest'
import { describeTarget, parseRedisUrl, type RedisTarget } from '../../sidecar/adapters/redis/url.ts'

const PLAIN = { mode: 'single', tls: false, db: 0 } as const
const SENTINELS = [
  { host: 's1', port: 26_379 },
  { host: 's2', port: 5000 },
]

describe('parseRedisUrl', () => {
  it.each<[string, Partial<RedisTarget>]>([
    ['redis://cache', { ...PLAIN, nodes: [{ host: 'cache', port: 6379 }] }],
    ['redis://cache.example.com:7000/', { ...PLAIN, nodes: [{ host: 'cache.example.com', port: 7000 }] }],
    ['redis://[::1]:7000/3', { ...PLAIN, nodes: [{ host: '::1', port: 7000 }], db: 3 }],
    ['redis://:p%40ss@cache', { ...PLAIN, username: undefined, password: 'p@ss' }],
    ['redis://ann:a:b%2F@cache', { ...PLAIN, username: 'ann', password: 'a:b/' }],
    ['rediss://cache', { ...PLAIN, tls: true }],
    [
      'redis+sentinel://s1,s2:5000/mymaster',
      { mode: 'sentinel', nodes: SENTINELS, master: 'mymaster', db: 0 },
    ],
    [
      'rediss+sentinel://u:p@s1,s2:5000/my%20master/2?sentinel_username=su&sentinel_password=s%26p',
      {
        mode: 'sentinel',
        tls: true,
        nodes: SENTINELS,
        master: 'my master',
        db: 2,
        username: 'u',
        password: 'p',
        sentinelUsername: 'su',
        sentinelPassword: 's&p',
      },
    ],
    [
      'redis+cluster://c1,c2:7001',
      {
        mode: 'cluster',
        nodes: [
          { host: 'c1', port: 6379 },
          { host: 'c2', port: 7001 },
        ],
      },
    ],
  ])('reads %s', (url, expected) => {
    expect(parseRedisUrl(url)).toMatchObject(expected)
  })

  it.each([
    ['localhost:6379', /^expected redis:\/\/\[user:password@\]host/],
    ['http://:hunter2@cache', /^expected redis:/],
    ['redis://', /^expected redis:/],
    ['redis+replica://:hunter2@cache', /^expected redis:/],
    ['redis://:hunter2@x@cache', /in a password as %40/],
    ['redis://:hunter2#@cache', /in a password as %40/],
    ['redis://:hunter2%zz@cache', /expected the password percent-encoded/],
    ['redis://:hunter2@cache:99999', /host or host:port/],
    ['redis://:hunter2@cache:0', /host or host:port/],
    ['redis://:hunter2@ca che', /host or host:port/],
    ['redis://:hunter2@a,b', /expected one host with redis:\/\//],
    ['redis://:hunter2@cache/one', /database number/],
    ['redis://:hunter2@cache/1/2', /database number/],
    ['redis://:hunter2@cache?db=1', /expected only the parameters/],
    ['redis+sentinel://:hunter2@s1,s2', /expected the name of the master/],
    ['redis+sentinel://:hunter2@s1/m?password=x', /expected only the parameters/],
    ['redis+cluster://:hunter2@c1/3', /a cluster has only 0/],
  ])('rejects %s without revealing the password', (url, pattern) => {
    let message = ''
    try {
      parseRedisUrl(url)
    } catch (error) {
      expect(error).toBeInstanceOf(TypeError)
      message = (error as Error).message
    }
    expect(message).toMatch(pattern)
    expect(message).not.toContain('hunter2')
  })

  it('is described without its credentials by describeTarget', () => {
    const describeUrl = (url: string) => describeTarget(parseRedisUrl(url))
    expect(describeUrl('redis://u:hunter2@[::1]:7000/3')).toBe('[::1]:7000')
    expect(describeUrl('redis+sentinel://u:hunter2@s1,s2:5000/m?sentinel_password=hunter2')).toBe(
      's1:26379,s2:5000/m',
    )
  })
})
