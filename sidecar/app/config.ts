import { resolve } from 'node:path'
import { z } from 'zod'
import { isUnencrypted, parseQdrantUrl } from '../adapters/qdrant/url.ts'
import { parseRedisUrl, type RedisTarget } from '../adapters/redis/url.ts'
import { type ApiKey, sha256Of } from '../http/api-keys.ts'
import { type PriceList, parsePrices } from '../insight/ledger/prices.ts'

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost'])
const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const

const MIB = 1024 * 1024

const integer = (minimum: number, maximum: number, fallback: number) =>
  z
    .string()
    .optional()
    .transform((text, context) => {
      if (text === undefined || text.trim() === '') return fallback
      const value = Number(text)
      if (Number.isInteger(value) && value >= minimum && value <= maximum) return value
      context.addIssue({
        code: 'custom',
        message: `expected a whole number from ${minimum} to ${maximum}, got ${JSON.stringify(text)}`,
      })
      return z.NEVER
    })

const text = (fallback: string) =>
  z
    .string()
    .optional()
    .transform((value) => (value === undefined || value.trim() === '' ? fallback : value.trim()))

const isAddress = (url: string) => url === '' || /^https?:\/\/[^/]+/.test(url)

const addressExpected = {
  error: (issue: { input?: unknown }) =>
    `expected an address like https://memory.example.com, got ${JSON.stringify(issue.input)}`,
}

const Environment = z.object({
  HOST: text('127.0.0.1'),
  PORT: integer(0, 65_535, 8484),
  DATA_DIR: text('./data'),
  API_KEYS: text('').transform(parseKeys),
  PUBLIC_URL: text('').refine(isAddress, addressExpected),
  LOG_LEVEL: text('info').pipe(
    z.enum(LOG_LEVELS, {
      error: (issue) => `expected one of ${LOG_LEVELS.join(', ')}, got ${JSON.stringify(issue.input)}`,
    }),
  ),
  MAX_BODY_BYTES: integer(1024, 64 * MIB, MIB),
  REDIS_URL: text('').transform(parseRedis),
  // Braces would decide the slot in a cluster in place of the scope.
  REDIS_KEY_PREFIX: text('hippocache:').refine((prefix) => /^[^\s{}]{1,64}$/.test(prefix), {
    error: (issue) =>
      `expected 1 to 64 characters without spaces and braces, got ${JSON.stringify(issue.input)}`,
  }),
  REDIS_TIMEOUT_MS: integer(10, 60_000, 500),
  QDRANT_URL: text('').transform(parseQdrant),
  QDRANT_API_KEY: text('').refine((key) => /^[!-~]*$/.test(key), {
    error: 'expected a key of ASCII characters without spaces',
  }),
  QDRANT_COLLECTION_PREFIX: text('hippocache_').refine((prefix) => /^[A-Za-z0-9_-]{1,64}$/.test(prefix), {
    error: (issue) =>
      `expected 1 to 64 letters, digits, dashes or underscores, got ${JSON.stringify(issue.input)}`,
  }),
  QDRANT_TIMEOUT_MS: integer(10, 600_000, 5000),
  QDRANT_REPLICATION_FACTOR: integer(1, 100, 1),
  QDRANT_WRITE_CONSISTENCY_FACTOR: integer(0, 100, 0),
  QDRANT_SHARD_NUMBER: integer(0, 10_000, 0),
  CACHE_MAX_ENTRIES: integer(1, 10_000_000, 100_000),
  CACHE_MAX_BYTES: integer(64 * 1024, 16 * 1024 * MIB, 64 * MIB),
  INDEX_MAX_BYTES: integer(MIB, 64 * 1024 * MIB, 512 * MIB),
  EMBEDDING_DEADLINE_MS: integer(10, 60_000, 1000),
  PRICES: text('').transform(parsePriceList),
  OPENAI_API_KEY: text(''),
  OPENAI_BASE_URL: text('').refine(isAddress, addressExpected),
  OPENAI_API_VERSION: text(''),
  LLM_MODEL: text(''),
  LLM_MODEL_EXTRACT: text(''),
  LLM_MODEL_RECONCILE: text(''),
  LLM_TIMEOUT_MS: integer(100, 600_000, 60_000),
  LLM_RETRIES: integer(0, 10, 2),
  LLM_CONCURRENCY: integer(1, 256, 4),
  EMBEDDING_MODEL: text(''),
  EMBEDDING_DIMENSIONS: integer(0, 16_384, 0),
  BUFFER_TOKENS: integer(1, 16_384, 1024),
  BUFFER_TURNS: integer(0, 10_000, 0),
  BUFFER_IDLE_MS: integer(10, 86_400_000, 60_000),
  BUFFER_WINDOW_AHEAD: integer(0, 500, 2),
  BUFFER_MAX_TURNS: integer(1, 10_000_000, 100_000),
  BUFFER_MAX_TURNS_PER_USER: integer(1, 10_000_000, 10_000),
})

export interface Config {
  host: string
  port: number
  dataDir: string
  apiKeys: readonly ApiKey[]
  /** Address that users reach the sidecar at, for `/openapi.json`; absent: taken from the request. */
  publicUrl: string | undefined
  logLevel: (typeof LOG_LEVELS)[number]
  maxBodyBytes: number
  /** Absent: the cache is in-process. */
  redis: { target: RedisTarget; keyPrefix: string; timeoutMs: number } | undefined
  /** Absent: the records are a SQLite file. */
  qdrant:
    | {
        url: string
        apiKey: string | undefined
        prefix: string
        timeoutMs: number
        replicationFactor: number
        /** Absent: most of the copies. */
        writeConsistencyFactor: number | undefined
        /** Absent: what Qdrant takes. */
        shardNumber: number | undefined
      }
    | undefined
  cacheMaxEntries: number
  cacheMaxBytes: number
  indexMaxBytes: number
  embeddingDeadlineMs: number
  /** What the ledger reckons with. */
  prices: PriceList
  /** The OpenAI-compatible endpoint of both models below, and how hard it is asked. */
  endpoint: {
    apiKey: string | undefined
    baseUrl: string | undefined
    apiVersion: string | undefined
    timeoutMs: number
    retries: number
    concurrency: number
  }
  /** Absent: turns are kept verbatim. */
  languageModel: { model: string; models: { extract?: string; reconcile?: string } } | undefined
  /** Absent: texts are embedded by their words alone. */
  embedding: { model: string; dimensions: number | undefined } | undefined
  buffer: {
    flushTokens: number
    flushTurns: number
    idleMs: number
    windowAhead: number
    concurrency: number
    maxTurns: number
    maxTurnsPerScope: number
  }
  /** What the operator should know although nothing is wrong enough to stop. */
  warnings: readonly string[]
}

/** Every problem of the environment at once, each with its variable. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/** @throws {ConfigError} listing every variable that cannot be used, with what was expected and what came. */
export function readConfig(env: Readonly<Record<string, string | undefined>> = process.env): Config {
  const problems: string[] = []
  const parsed = Environment.safeParse(env)
  if (!parsed.success) {
    for (const issue of parsed.error.issues) problems.push(`${issue.path.join('.')}: ${issue.message}`)
  }
  // Apart from the rest, so that a mistake elsewhere does not hide this one until the next start.
  const keys = Environment.shape.API_KEYS.safeParse(env['API_KEYS'])
  const host = Environment.shape.HOST.parse(env['HOST'])
  if (keys.success && keys.data.length === 0 && !LOOPBACK.has(host)) {
    problems.push(
      `HOST: expected a loopback address (127.0.0.1, ::1, localhost) as long as API_KEYS is empty, got ` +
        `${JSON.stringify(host)}; set API_KEYS=name:key to listen on the network`,
    )
  }
  if (parsed.success && parsed.data.QDRANT_WRITE_CONSISTENCY_FACTOR > parsed.data.QDRANT_REPLICATION_FACTOR) {
    problems.push(
      `QDRANT_WRITE_CONSISTENCY_FACTOR: expected at most QDRANT_REPLICATION_FACTOR ` +
        `(${parsed.data.QDRANT_REPLICATION_FACTOR}), got ${parsed.data.QDRANT_WRITE_CONSISTENCY_FACTOR}`,
    )
  }
  if (!parsed.success || problems.length > 0) {
    throw new ConfigError(`Cannot start, the configuration has ${count(problems.length)}:\n${list(problems)}`)
  }
  const values = parsed.data
  return Object.freeze({
    host: values.HOST,
    port: values.PORT,
    dataDir: resolve(values.DATA_DIR),
    apiKeys: values.API_KEYS,
    publicUrl: values.PUBLIC_URL === '' ? undefined : values.PUBLIC_URL.replace(/\/+$/, ''),
    logLevel: values.LOG_LEVEL,
    maxBodyBytes: values.MAX_BODY_BYTES,
    redis: values.REDIS_URL && {
      target: values.REDIS_URL,
      keyPrefix: values.REDIS_KEY_PREFIX,
      timeoutMs: values.REDIS_TIMEOUT_MS,
    },
    qdrant: values.QDRANT_URL
      ? {
          url: values.QDRANT_URL,
          apiKey: values.QDRANT_API_KEY || undefined,
          prefix: values.QDRANT_COLLECTION_PREFIX,
          timeoutMs: values.QDRANT_TIMEOUT_MS,
          replicationFactor: values.QDRANT_REPLICATION_FACTOR,
          writeConsistencyFactor: values.QDRANT_WRITE_CONSISTENCY_FACTOR || undefined,
          shardNumber: values.QDRANT_SHARD_NUMBER || undefined,
        }
      : undefined,
    cacheMaxEntries: values.CACHE_MAX_ENTRIES,
    cacheMaxBytes: values.CACHE_MAX_BYTES,
    indexMaxBytes: values.INDEX_MAX_BYTES,
    embeddingDeadlineMs: values.EMBEDDING_DEADLINE_MS,
    prices: values.PRICES,
    endpoint: {
      apiKey: values.OPENAI_API_KEY || undefined,
      baseUrl: values.OPENAI_BASE_URL || undefined,
      apiVersion: values.OPENAI_API_VERSION || undefined,
      timeoutMs: values.LLM_TIMEOUT_MS,
      retries: values.LLM_RETRIES,
      concurrency: values.LLM_CONCURRENCY,
    },
    languageModel: values.LLM_MODEL
      ? {
          model: values.LLM_MODEL,
          models: {
            ...(values.LLM_MODEL_EXTRACT ? { extract: values.LLM_MODEL_EXTRACT } : {}),
            ...(values.LLM_MODEL_RECONCILE ? { reconcile: values.LLM_MODEL_RECONCILE } : {}),
          },
        }
      : undefined,
    embedding: values.EMBEDDING_MODEL
      ? { model: values.EMBEDDING_MODEL, dimensions: values.EMBEDDING_DIMENSIONS || undefined }
      : undefined,
    buffer: {
      flushTokens: values.BUFFER_TOKENS,
      flushTurns: values.BUFFER_TURNS,
      idleMs: values.BUFFER_IDLE_MS,
      windowAhead: values.BUFFER_WINDOW_AHEAD,
      // A batch asks the model once at a time: more of them than calls would only stand in line there.
      concurrency: values.LLM_CONCURRENCY,
      maxTurns: values.BUFFER_MAX_TURNS,
      maxTurnsPerScope: values.BUFFER_MAX_TURNS_PER_USER,
    },
    warnings: warningsOf(values),
  })
}

/** The message names no part of the value: it may hold a password. */
function parseRedis(value: string, context: z.RefinementCtx): RedisTarget | undefined {
  try {
    return value === '' ? undefined : parseRedisUrl(value)
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message })
    return z.NEVER
  }
}

function parseQdrant(value: string, context: z.RefinementCtx): string | undefined {
  try {
    return value === '' ? undefined : parseQdrantUrl(value)
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message })
    return z.NEVER
  }
}

function parsePriceList(value: string, context: z.RefinementCtx): PriceList {
  try {
    return parsePrices(value)
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message })
    return z.NEVER
  }
}

function warningsOf(values: z.output<typeof Environment>): string[] {
  const warnings: string[] = []
  if (values.OPENAI_API_KEY && !values.LLM_MODEL && !values.EMBEDDING_MODEL) {
    warnings.push(
      'OPENAI_API_KEY is set but not used: set LLM_MODEL to have facts extracted, EMBEDDING_MODEL to embed them.',
    )
  }
  if (values.QDRANT_API_KEY && !values.QDRANT_URL) {
    warnings.push('QDRANT_API_KEY is set but not used: set QDRANT_URL to keep the records in Qdrant.')
  }
  if (values.QDRANT_API_KEY && values.QDRANT_URL && isUnencrypted(values.QDRANT_URL)) {
    warnings.push('QDRANT_API_KEY goes to QDRANT_URL over http, readable on the way: use https.')
  }
  return warnings
}

/** `name:key` pairs, comma-separated; a key may be given as `sha256:<64 hex digits>`. */
function parseKeys(value: string, context: z.RefinementCtx): ApiKey[] {
  const keys: ApiKey[] = []
  const seen = new Set<string>()
  for (const [i, pair] of value
    .split(',')
    .map((one) => one.trim())
    .filter(Boolean)
    .entries()) {
    const colon = pair.indexOf(':')
    const namespace = pair.slice(0, Math.max(0, colon))
    const secret = pair.slice(colon + 1)
    // Nothing of the pair may be in a message that ends up in a log: name and key may have changed places.
    const problem = (expected: string) =>
      context.addIssue({ code: 'custom', message: `expected ${expected} (pair ${i + 1})` })
    if (!/^[A-Za-z0-9_.-]{1,64}$/.test(namespace)) {
      problem('name:key with a name of 1 to 64 letters, digits, dots, dashes or underscores')
      continue
    }
    const hashed = /^sha256:([0-9a-f]{64})$/i.exec(secret)?.[1]
    // A header carries no more than visible ASCII: another key could be set here but never be sent.
    if (!hashed && (!/^[!-~]{16,}$/.test(secret) || secret.startsWith('sha256:'))) {
      problem('a key of at least 16 ASCII characters without spaces, or sha256: and 64 hex digits')
      continue
    }
    const sha256 = hashed ? Buffer.from(hashed, 'hex') : sha256Of(secret)
    if (seen.has(sha256.toString('hex'))) problem('each key only once')
    seen.add(sha256.toString('hex'))
    keys.push({ namespace, sha256 })
  }
  return keys
}

function count(problems: number): string {
  return problems === 1 ? '1 problem' : `${problems} problems`
}

function list(problems: readonly string[]): string {
  return problems.map((problem) => `  - ${problem}`).join('\n')
}
