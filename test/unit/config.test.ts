import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Environment, readConfig } from '../../sidecar/app/config.ts'
import { namespaceOf, sha256Of } from '../../sidecar/http/access/api-keys.ts'

const SECRET = 'a-secret-of-some-length'
const HASHED = `sha256:${sha256Of('another-secret-key').toString('hex')}`

function problemsOf(env: Record<string, string>): string[] {
  try {
    readConfig(env)
  } catch (error) {
    return (error as Error).message.split('\n').slice(1)
  }
  return []
}

describe('readConfig', () => {
  it('has a default for every variable, and listens on loopback', () => {
    expect(readConfig({})).toEqual({
      host: '127.0.0.1',
      port: 8484,
      dataDir: resolve('data'),
      apiKeys: [],
      publicUrl: undefined,
      logLevel: 'info',
      maxBodyBytes: 1_048_576,
      quotas: { memoriesPerUser: 1_000_000, bytesPerUser: 4 * 1024 ** 3, usersPerKey: 1_000_000 },
      requestsPerMinute: 300_000,
      inFlight: { requests: 2048, requestsPerKey: 1024, bytes: 67_108_864, bytesPerKey: 33_554_432 },
      cacheMaxEntries: 100_000,
      cacheMaxBytes: 67_108_864,

      recallDeadlineMs: 2000,
      embeddingDeadlineMs: 1000,
      prices: new Map(),
      endpoint: {
        apiKey: undefined,
        baseUrl: undefined,
        apiVersion: undefined,
        timeoutMs: 60_000,
        retries: 2,
        concurrency: 4,
      },
      languageModel: undefined,
      embedding: undefined,
      reranker: undefined,
      buffer: {
        flushTokens: 1024,
        flushTurns: 0,
        idleMs: 60_000,
        windowAhead: 2,
        concurrency: 4,
        maxTurns: 100_000,
        maxTurnsPerScope: 10_000,
      },
      warnings: [],
    })
  })

  it.each([
    ['', undefined],
    [' ', undefined],
    ['none', ''],
    ['query: ', 'query: '],
    ['Instruct: find\\nQuery:', 'Instruct: find\nQuery:'],
  ])('reads the prefix %j as %j', (value, expected) => {
    const env = { EMBEDDING_MODEL: 'm', EMBEDDING_QUERY_PREFIX: value, EMBEDDING_DOCUMENT_PREFIX: value }
    expect(readConfig(env).embedding?.prefixes).toEqual({ query: expected, document: expected })
  })

  it('sends the key of the language model to its own endpoint only', () => {
    const env = { EMBEDDING_MODEL: 'm', OPENAI_API_KEY: 'sk-1', OPENAI_BASE_URL: 'http://llm/v1' }
    expect(readConfig(env).embedding).not.toHaveProperty('apiKey')
    const apart = readConfig({ ...env, EMBEDDING_BASE_URL: 'http://tei/v1' })
    expect(apart.embedding).toMatchObject({ baseUrl: 'http://tei/v1', apiKey: undefined })
    expect(apart.endpoint).toMatchObject({ baseUrl: 'http://llm/v1', apiKey: 'sk-1' })
  })

  it('reads the limits of the embedding endpoint, and the reranker', () => {
    const env = {
      EMBEDDING_MODEL: 'm',
      EMBEDDING_BATCH: '8',
      EMBEDDING_MAX_TOKENS: '500',
      EMBEDDING_CONCURRENCY: '2',
      RERANK_URL: 'http://tei:8080/rerank',
      RERANK_DEADLINE_MS: '300',
    }
    expect(readConfig(env)).toMatchObject({
      embedding: { maxTexts: 8, maxTextTokens: 500, concurrency: 2 },
      reranker: { url: 'http://tei:8080/rerank', deadlineMs: 300 },
    })
  })

  it('treats an empty variable as absent', () => {
    const empty = Object.fromEntries(Object.keys(Environment.shape).map((name) => [name, ' ']))
    expect(readConfig(empty)).toEqual(readConfig({}))
  })

  it('accepts zero', () => {
    expect(readConfig({ PORT: '0' }).port).toBe(0)
  })

  it('removes trailing slashes of PUBLIC_URL', () => {
    expect(readConfig({ PUBLIC_URL: 'https://memory.example.com/base//' }).publicUrl).toBe(
      'https://memory.example.com/base',
    )
  })

  it('accepts an address other than loopback with API keys only', () => {
    expect(readConfig({ HOST: '0.0.0.0', API_KEYS: `a:${SECRET}` }).host).toBe('0.0.0.0')
    for (const host of ['127.0.0.1', '::1', 'localhost']) expect(readConfig({ HOST: host }).host).toBe(host)
  })

  it('reads plain and hashed API keys, and several of one namespace', () => {
    const { apiKeys } = readConfig({ API_KEYS: ` one:${SECRET} , two:${HASHED}, one:${SECRET}:with:colons,` })
    expect(namespaceOf(SECRET, apiKeys)).toBe('one')
    expect(namespaceOf('another-secret-key', apiKeys)).toBe('two')
    expect(namespaceOf(`${SECRET}:with:colons`, apiKeys)).toBe('one')
    expect(namespaceOf(HASHED, apiKeys)).toBeUndefined()
    expect(JSON.stringify(apiKeys)).not.toContain(SECRET)
  })

  it('configures Redis if REDIS_URL is set', () => {
    expect(readConfig({ REDIS_TIMEOUT_MS: '50' }).redis).toBeUndefined()
    const { redis } = readConfig({ REDIS_URL: 'rediss://cache/2' })
    expect(redis).toMatchObject({
      target: { mode: 'single', nodes: [{ host: 'cache', port: 6379 }], tls: true, db: 2 },
      keyPrefix: 'hippocache:',
      timeoutMs: 500,
    })
    const more = { REDIS_URL: 'redis+cluster://a,b', REDIS_KEY_PREFIX: 'x/', REDIS_TIMEOUT_MS: '50' }
    expect(readConfig(more).redis).toMatchObject({
      target: { mode: 'cluster' },
      keyPrefix: 'x/',
      timeoutMs: 50,
    })
  })

  it('warns of a variable that has no effect', () => {
    expect(readConfig({ OPENAI_API_KEY: 'sk-1' }).warnings).toEqual([
      expect.stringContaining('OPENAI_API_KEY'),
    ])
    expect(readConfig({ QDRANT_API_KEY: 'k' }).warnings).toEqual([
      expect.stringMatching(/QDRANT_API_KEY is set but not used: set QDRANT_URL/),
    ])
  })

  it('configures Qdrant if QDRANT_URL is set, and warns if its key is sent unencrypted', () => {
    expect(readConfig({ QDRANT_URL: 'http://qdrant' })).toMatchObject({
      qdrant: {
        url: 'http://qdrant',
        apiKey: undefined,
        prefix: 'hippocache_',
        timeoutMs: 5000,
        replicationFactor: 1,
      },
      warnings: [],
    })
    const env = {
      QDRANT_API_KEY: 'k',
      QDRANT_COLLECTION_PREFIX: 'x-',
      QDRANT_TIMEOUT_MS: '50',
      QDRANT_REPLICATION_FACTOR: '3',
      QDRANT_WRITE_CONSISTENCY_FACTOR: '1',
      QDRANT_SHARD_NUMBER: '6',
    }
    expect(readConfig({ ...env, QDRANT_URL: 'https://a.example.com:443/q' })).toMatchObject({
      qdrant: {
        url: 'https://a.example.com:443/q',
        apiKey: 'k',
        prefix: 'x-',
        timeoutMs: 50,
        replicationFactor: 3,
        writeConsistencyFactor: 1,
        shardNumber: 6,
      },
      warnings: [],
    })
    expect(readConfig({ ...env, QDRANT_URL: 'http://localhost:1' }).warnings).toEqual([])
    expect(readConfig({ ...env, QDRANT_URL: 'http://qdrant' }).warnings).toEqual([
      expect.stringMatching(/QDRANT_API_KEY is sent to QDRANT_URL unencrypted/),
    ])
    expect(problemsOf({ QDRANT_URL: 'http://me:secret@qdrant' }).join()).not.toContain('secret')
  })

  it.each([
    ['PORT', '99999', /integer from 0 to 65535, got "99999"/],
    ['PORT', '-1', /got "-1"/],
    ['PORT', '80.5', /got "80.5"/],
    ['PORT', 'eighty', /got "eighty"/],
    ['MAX_BODY_BYTES', '1023', /from 1024 to/],
    ['CACHE_MAX_ENTRIES', '0', /from 1 to/],
    ['CACHE_MAX_BYTES', '1e99', /from 65536 to/],
    ['RECALL_DEADLINE_MS', '0', /from 100 to 60000, got "0"/],
    ['EMBEDDING_DEADLINE_MS', '9', /from 10 to 60000, got "9"/],
    ['EMBEDDING_BATCH', '-1', /from 0 to 2048, got "-1"/],
    ['EMBEDDING_CONCURRENCY', '0', /from 1 to 256, got "0"/],
    ['EMBEDDING_MAX_TOKENS', 'many', /from 0 to 1000000, got "many"/],
    ['EMBEDDING_QUERY_PREFIX', 'x'.repeat(1001), /at most 1000 characters/],
    ['RERANK_URL', 'tei:8080', /such as https:.*got "tei:8080"/],
    ['RERANK_API_KEY', 'two words', /ASCII characters without spaces$/],
    ['LLM_TIMEOUT_MS', '600000', /from 100 to 300000, got "600000"/],
    ['RERANK_DEADLINE_MS', '1', /from 10 to 60000, got "1"/],
    ['PRICES', 'gpt-4o-mini', /model=in\/out.*, got "gpt-4o-mini" \(pair 1\)$/],
    ['PRICES', 'a=1/2,b=1/$2', /plain numbers from 0 to 1000000, got "b=1\/\$2" \(pair 2\)$/],
    ['LOG_LEVEL', 'loud', /one of debug, info, warn, error, silent, got "loud"/],
    ['PUBLIC_URL', 'memory.example.com', /such as https:\/\/memory.example.com, got "memory.example.com"/],
    ['REDIS_URL', 'memcached://x', /expected redis:\/\/\[user:password@\]host/],
    ['REDIS_KEY_PREFIX', '{x}', /without spaces and braces, got "{x}"/],
    ['REDIS_TIMEOUT_MS', '0', /from 10 to 60000, got "0"/],
    ['QDRANT_WRITE_CONSISTENCY_FACTOR', '2', /expected at most QDRANT_REPLICATION_FACTOR \(1\), got 2/],
    ['QDRANT_URL', 'qdrant:6333', /^ {2}- QDRANT_URL: expected http:\/\/host\[:port\]/],
    ['QDRANT_URL', 'https:qdrant', /expected http/],
    ['QDRANT_URL', 'http://key@qdrant', /set the API key as QDRANT_API_KEY/],
    ['QDRANT_URL', 'http://qdrant/?x=1', /without query and fragment/],
    ['QDRANT_API_KEY', 'two words', /ASCII characters without spaces$/],
    ['QDRANT_COLLECTION_PREFIX', 'a/b', /letters, digits, dashes or underscores, got "a\/b"/],
    ['QDRANT_TIMEOUT_MS', '0', /from 10 to 600000, got "0"/],
    ['QDRANT_REPLICATION_FACTOR', '0', /from 1 to 100, got "0"/],
    ['HOST', '0.0.0.0', /loopback address .* got "0.0.0.0"; set API_KEYS=name:key/],
    ['API_KEYS', 'nocolon', /name:key/],
    ['API_KEYS', `bad name:${SECRET}`, /name:key/],
    ['API_KEYS', 'a:short', /at least 16/],
    ['API_KEYS', 'a:sha256:abcdef', /64 hex digits/],
    ['API_KEYS', 'a:a key with some spaces', /without spaces/],
    ['API_KEYS', `a:${SECRET},b:${SECRET}`, /each key only once \(pair 2\)/],
  ])('rejects %s=%s with the name, the expected value and the given one', (name, value, message) => {
    const problems = problemsOf({ [name]: value })
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(new RegExp(`^  - ${name}: `))
    expect(problems[0]).toMatch(message)
  })

  it('lists every problem in one error', () => {
    const problems = problemsOf({
      HOST: '0.0.0.0',
      PORT: 'x',
      LOG_LEVEL: 'loud',
      PUBLIC_URL: 'nowhere',
      REDIS_URL: 'memcached://x',
      QDRANT_URL: 'qdrant',
      CACHE_MAX_BYTES: '-1',
    })
    const names = problems.map((problem) => /^ {2}- ([A-Z_]+): /.exec(problem)?.[1]).sort()
    expect(names).toEqual([
      'CACHE_MAX_BYTES',
      'HOST',
      'LOG_LEVEL',
      'PORT',
      'PUBLIC_URL',
      'QDRANT_URL',
      'REDIS_URL',
    ])
  })

  it.each([
    ['a key without a name', SECRET],
    ['name and key swapped', `${SECRET}:prod`],
    ['a key that is too short', 'prod:tell-nobody'],
    ['a key with a space', `prod:${SECRET} x`],
    ['a comma in a key', `prod:tell,${SECRET}`],
    ['the same key twice', `a:${SECRET},b:${SECRET}`],
  ])('does not repeat the secret in the error about %s', (_name, keys) => {
    const said = problemsOf({ API_KEYS: keys }).join('\n')
    expect(said).toContain('API_KEYS')
    for (const part of [SECRET, 'tell-nobody', 'tell']) expect(said).not.toContain(part)
  })

  it('takes a local embedding model by its name on huggingface.co', () => {
    const model = 'local:Xenova/multilingual-e5-small'
    const { embedding, warnings } = readConfig({ EMBEDDING_MODEL: model })
    expect({ model: embedding?.model, warnings }).toEqual({ model, warnings: [] })
    for (const wrong of ['local:', 'local:e5', 'local:../a', 'local:a/b/c']) {
      expect(() => readConfig({ EMBEDDING_MODEL: wrong })).toThrow(
        /EMBEDDING_MODEL: expected local:ORGANISATION/,
      )
    }
    expect(readConfig({ EMBEDDING_MODEL: model, EMBEDDING_DIMENSIONS: '384' }).warnings).toEqual([
      expect.stringContaining('set but not used: EMBEDDING_MODEL runs in the sidecar'),
    ])
  })

  it('takes an embedding model of Dify by its name there, with its dimensions', () => {
    const env = { EMBEDDING_MODEL: 'dify:text-embedding-3-small', EMBEDDING_DIMENSIONS: '1536' }
    const { embedding, warnings } = readConfig(env)
    expect(embedding).toMatchObject({ model: env.EMBEDDING_MODEL, dimensions: 1536 })
    expect(warnings).toEqual([])
    expect(() => readConfig({ ...env, EMBEDDING_DIMENSIONS: '' })).toThrow(
      /EMBEDDING_DIMENSIONS: expected the vector length of the model, got nothing/,
    )
    for (const wrong of ['dify', 'dify:']) {
      expect(() => readConfig({ ...env, EMBEDDING_MODEL: wrong })).toThrow(
        /EMBEDDING_MODEL: expected dify:MODEL/,
      )
    }
    expect(readConfig({ ...env, EMBEDDING_BASE_URL: 'http://tei' }).warnings).toEqual([
      expect.stringContaining('EMBEDDING_MODEL is a model of Dify'),
    ])
  })
})
