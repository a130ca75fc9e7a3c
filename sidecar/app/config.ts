import { resolve } from 'node:path'
import { z } from 'zod'
import { isUnencrypted, parseQdrantUrl } from '../adapters/qdrant/url.ts'
import { parseRedisUrl } from '../adapters/redis/url.ts'
import { parseApiKeys } from '../http/access/api-keys.ts'
import { parsePrices } from '../insight/ledger/prices.ts'
import { readEntitiesFile, readRulesFile } from './config/files.ts'
import { unreadNames } from './config/names.ts'
import { httpUrl, integer, matching, parsedBy, prefix, text } from './config/values.ts'

const LOOPBACK = ['127.0.0.1', '::1', 'localhost']
const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const
const MIB = 1024 * 1024

/** The value of LLM_MODEL, and the start of EMBEDDING_MODEL, for a model that the nodes in Dify choose. */
export const DIFY = 'dify'

/** Every variable, with its limits and its default. */
export const Environment = z.object({
  HOST: text('127.0.0.1'),
  PORT: integer(0, 65_535, 8484),
  DATA_DIR: text('./data'),
  API_KEYS: parsedBy(parseApiKeys),
  PUBLIC_URL: httpUrl(),
  LOG_LEVEL: text('info').pipe(
    z.enum(LOG_LEVELS, {
      error: ({ input }) => `expected one of ${LOG_LEVELS.join(', ')}, got ${JSON.stringify(input)}`,
    }),
  ),
  MAX_BODY_BYTES: integer(1024, 64 * MIB, MIB),
  MAX_REQUESTS_PER_MINUTE: integer(0, 100_000_000, 300_000),
  MAX_MEMORIES_PER_USER: integer(0, 1_000_000_000, 1_000_000),
  MAX_BYTES_PER_USER: integer(0, 1024 * 1024 * MIB, 4096 * MIB),
  MAX_USERS_PER_KEY: integer(0, 1_000_000_000, 1_000_000),
  MAX_IN_FLIGHT_REQUESTS: integer(1, 1_000_000, 2048),
  MAX_IN_FLIGHT_REQUESTS_PER_KEY: integer(1, 1_000_000, 1024),
  MAX_IN_FLIGHT_BYTES: integer(1024, 1024 * 1024 * MIB, 64 * MIB),
  MAX_IN_FLIGHT_BYTES_PER_KEY: integer(1024, 1024 * 1024 * MIB, 32 * MIB),
  REDIS_URL: parsedBy((url) => (url === '' ? undefined : parseRedisUrl(url))),
  // In a Redis cluster, braces in the prefix would replace the scope as the hash tag.
  REDIS_KEY_PREFIX: matching(
    /^[^\s{}]{1,64}$/,
    '1 to 64 characters without spaces and braces',
    'hippocache:',
  ),
  REDIS_TIMEOUT_MS: integer(10, 60_000, 500),
  QDRANT_URL: parsedBy((url) => (url === '' ? undefined : parseQdrantUrl(url))),
  QDRANT_API_KEY: text().refine((key) => /^[!-~]*$/.test(key), {
    error: 'expected a key of ASCII characters without spaces',
  }),
  QDRANT_COLLECTION_PREFIX: matching(
    /^[A-Za-z0-9_-]{1,64}$/,
    '1 to 64 letters, digits, dashes or underscores',
    'hippocache_',
  ),
  QDRANT_TIMEOUT_MS: integer(10, 600_000, 5000),
  QDRANT_REPLICATION_FACTOR: integer(1, 100, 1),
  QDRANT_WRITE_CONSISTENCY_FACTOR: integer(0, 100, 0),
  QDRANT_SHARD_NUMBER: integer(0, 10_000, 0),
  CACHE_MAX_ENTRIES: integer(1, 10_000_000, 100_000),
  CACHE_MAX_BYTES: integer(64 * 1024, 16 * 1024 * MIB, 64 * MIB),
  RECALL_DEADLINE_MS: integer(100, 60_000, 2000),
  EMBEDDING_DEADLINE_MS: integer(10, 60_000, 1000),
  PRICES: parsedBy(parsePrices),
  RULES_FILE: parsedBy(readRulesFile),
  ENTITIES_FILE: parsedBy(readEntitiesFile),
  OPENAI_API_KEY: text(),
  OPENAI_BASE_URL: httpUrl(),
  OPENAI_API_VERSION: text(),
  LLM_MODEL: text(),
  LLM_MODEL_EXTRACT: text(),
  LLM_MODEL_RECONCILE: text(),
  // fetch waits for an answer no longer than that.
  LLM_TIMEOUT_MS: integer(100, 300_000, 60_000),
  LLM_RETRIES: integer(0, 10, 2),
  LLM_CONCURRENCY: integer(1, 256, 4),
  EMBEDDING_MODEL: text()
    .refine((name) => !name.startsWith('local:') || /^local:\w[\w.-]*\/\w[\w.-]*$/.test(name), {
      error: 'expected local:ORGANISATION/MODEL, as on huggingface.co, or the name of a model at an endpoint',
    })
    .refine((name) => name !== DIFY && !/^dify:\s*$/.test(name), {
      error:
        'expected dify:MODEL with the name of an embedding model in Dify, such as dify:text-embedding-3-small',
    }),
  EMBEDDING_BASE_URL: httpUrl(),
  EMBEDDING_API_KEY: text(),
  EMBEDDING_DIMENSIONS: integer(0, 16_384, 0),
  EMBEDDING_QUERY_PREFIX: prefix(),
  EMBEDDING_DOCUMENT_PREFIX: prefix(),
  EMBEDDING_BATCH: integer(0, 2048, 0),
  EMBEDDING_CONCURRENCY: integer(1, 256, 16),
  EMBEDDING_MAX_TOKENS: integer(0, 1_000_000, 0),
  RERANK_URL: httpUrl(),
  RERANK_MODEL: text(),
  RERANK_API_KEY: text().refine((key) => /^[!-~]*$/.test(key), {
    error: 'expected a key of ASCII characters without spaces',
  }),
  RERANK_DEADLINE_MS: integer(10, 60_000, 1000),
  BUFFER_TOKENS: integer(1, 16_384, 1024),
  BUFFER_TURNS: integer(0, 10_000, 0),
  BUFFER_IDLE_MS: integer(10, 86_400_000, 60_000),
  BUFFER_WINDOW_AHEAD: integer(0, 500, 2),
  BUFFER_MAX_TURNS: integer(1, 10_000_000, 100_000),
  BUFFER_MAX_TURNS_PER_USER: integer(1, 10_000_000, 10_000),
})

type Values = z.output<typeof Environment>

type Env = Readonly<Record<string, string | undefined>>

export type Config = Readonly<ReturnType<typeof toConfig>>

/** @throws {Error} listing every problem of the environment, each with its variable */
export function readConfig(env: Env = process.env): Config {
  const { data: values, error } = Environment.safeParse(env)
  const problems = (error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`)
  // Checked even if other variables are wrong, so that the error lists it too.
  const keys = Environment.shape.API_KEYS.safeParse(env['API_KEYS'])
  const host = Environment.shape.HOST.parse(env['HOST'])
  if (keys.data?.length === 0 && !LOOPBACK.includes(host)) {
    problems.push(
      `HOST: expected a loopback address (${LOOPBACK.join(', ')}) as long as API_KEYS is empty, got ` +
        `${JSON.stringify(host)}; set API_KEYS=name:key to listen on the network`,
    )
  }
  if (values && values.QDRANT_WRITE_CONSISTENCY_FACTOR > values.QDRANT_REPLICATION_FACTOR) {
    problems.push(
      `QDRANT_WRITE_CONSISTENCY_FACTOR: expected at most QDRANT_REPLICATION_FACTOR ` +
        `(${values.QDRANT_REPLICATION_FACTOR}), got ${values.QDRANT_WRITE_CONSISTENCY_FACTOR}`,
    )
  }
  if (values?.EMBEDDING_MODEL.startsWith('dify:') && values.EMBEDDING_DIMENSIONS === 0) {
    problems.push(
      'EMBEDDING_DIMENSIONS: expected the vector length of the model, got nothing; the sidecar cannot ask a model of Dify at its start',
    )
  }
  if (!values || problems.length > 0) {
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`
    const list = problems.map((problem) => `  - ${problem}`)
    throw new Error(`Cannot start, the configuration has ${count}:\n${list.join('\n')}`)
  }
  return Object.freeze(toConfig(values, env))
}

function toConfig(values: Values, env: Env) {
  return {
    host: values.HOST,
    port: values.PORT,
    dataDir: resolve(values.DATA_DIR),
    apiKeys: values.API_KEYS,
    /** For `/openapi.json`; absent: the address of the request. */
    publicUrl: values.PUBLIC_URL.replace(/\/+$/, '') || undefined,
    logLevel: values.LOG_LEVEL,
    maxBodyBytes: values.MAX_BODY_BYTES,
    /** Per API key; 0 for no limit. */
    requestsPerMinute: values.MAX_REQUESTS_PER_MINUTE,
    /** 0 for no limit. */
    quotas: {
      memoriesPerUser: values.MAX_MEMORIES_PER_USER,
      bytesPerUser: values.MAX_BYTES_PER_USER,
      usersPerKey: values.MAX_USERS_PER_KEY,
    },
    inFlight: {
      requests: values.MAX_IN_FLIGHT_REQUESTS,
      requestsPerKey: values.MAX_IN_FLIGHT_REQUESTS_PER_KEY,
      bytes: values.MAX_IN_FLIGHT_BYTES,
      bytesPerKey: values.MAX_IN_FLIGHT_BYTES_PER_KEY,
    },
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
          /** Absent: a majority of the replicas. */
          writeConsistencyFactor: values.QDRANT_WRITE_CONSISTENCY_FACTOR || undefined,
          /** Absent: the default of Qdrant. */
          shardNumber: values.QDRANT_SHARD_NUMBER || undefined,
        }
      : undefined,
    cacheMaxEntries: values.CACHE_MAX_ENTRIES,
    cacheMaxBytes: values.CACHE_MAX_BYTES,
    recallDeadlineMs: values.RECALL_DEADLINE_MS,
    embeddingDeadlineMs: values.EMBEDDING_DEADLINE_MS,
    prices: values.PRICES,
    /** Absent: the built-in defaults. */
    defaultRules: values.RULES_FILE,
    /** Absent: no known entities. */
    dictionary: values.ENTITIES_FILE,
    /** The OpenAI-compatible endpoint of the language model and the embedding model. */
    endpoint: {
      apiKey: values.OPENAI_API_KEY || undefined,
      baseUrl: values.OPENAI_BASE_URL || undefined,
      apiVersion: values.OPENAI_API_VERSION || undefined,
      timeoutMs: values.LLM_TIMEOUT_MS,
      retries: values.LLM_RETRIES,
      concurrency: values.LLM_CONCURRENCY,
    },
    /** Absent: turns are kept verbatim. */
    languageModel: values.LLM_MODEL
      ? {
          model: values.LLM_MODEL,
          models: {
            extract: values.LLM_MODEL_EXTRACT || undefined,
            reconcile: values.LLM_MODEL_RECONCILE || undefined,
          },
        }
      : undefined,
    /** Absent: the lexical embedder. */
    embedding: values.EMBEDDING_MODEL
      ? {
          model: values.EMBEDDING_MODEL,
          dimensions: values.EMBEDDING_DIMENSIONS || undefined,
          /** Absent: as the model was trained, if its name is known. */
          prefixes: { query: values.EMBEDDING_QUERY_PREFIX, document: values.EMBEDDING_DOCUMENT_PREFIX },
          maxTexts: values.EMBEDDING_BATCH || undefined,
          concurrency: values.EMBEDDING_CONCURRENCY,
          maxTextTokens: values.EMBEDDING_MAX_TOKENS || undefined,
          // The key of the language model is not sent to another endpoint.
          ...(values.EMBEDDING_BASE_URL && {
            baseUrl: values.EMBEDDING_BASE_URL,
            apiKey: values.EMBEDDING_API_KEY || undefined,
            apiVersion: undefined,
          }),
        }
      : undefined,
    /** Absent: the ranking is not reranked. */
    reranker: values.RERANK_URL
      ? {
          url: values.RERANK_URL,
          model: values.RERANK_MODEL || undefined,
          apiKey: values.RERANK_API_KEY || undefined,
          deadlineMs: values.RERANK_DEADLINE_MS,
        }
      : undefined,
    buffer: {
      flushTokens: values.BUFFER_TOKENS,
      flushTurns: values.BUFFER_TURNS,
      idleMs: values.BUFFER_IDLE_MS,
      windowAhead: values.BUFFER_WINDOW_AHEAD,
      // A batch makes one model call at a time, so more batches than calls would only queue.
      concurrency: values.LLM_CONCURRENCY,
      maxTurns: values.BUFFER_MAX_TURNS,
      maxTurnsPerScope: values.BUFFER_MAX_TURNS_PER_USER,
    },
    /** Settings that have no effect or are insecure; printed at the start. */
    warnings: warningsOf(values, env),
  }
}

function warningsOf(values: Values, env: Env): string[] {
  const warnings = unreadNames(Object.keys(env), Object.keys(Environment.shape)).map(
    ([name, known]) => `${name} is set but not read: did you mean ${known}?`,
  )
  if (values.OPENAI_API_KEY && !values.LLM_MODEL && !values.EMBEDDING_MODEL) {
    warnings.push(
      'OPENAI_API_KEY is set but not used: set LLM_MODEL to extract facts, EMBEDDING_MODEL to embed them.',
    )
  }
  if (
    values.EMBEDDING_MODEL.startsWith('local:') &&
    (values.EMBEDDING_BASE_URL || values.EMBEDDING_DIMENSIONS)
  ) {
    warnings.push(
      'EMBEDDING_BASE_URL or EMBEDDING_DIMENSIONS is set but not used: EMBEDDING_MODEL runs in the sidecar.',
    )
  }
  if (values.EMBEDDING_MODEL.startsWith('dify:') && values.EMBEDDING_BASE_URL) {
    warnings.push('EMBEDDING_BASE_URL is set but not used: EMBEDDING_MODEL is a model of Dify.')
  }
  const isRemote = values.EMBEDDING_MODEL !== '' && !/^(?:local|dify):/.test(values.EMBEDDING_MODEL)
  for (const [name, isUsed] of [
    ['LLM_MODEL', values.LLM_MODEL !== '' && values.LLM_MODEL !== DIFY],
    ['EMBEDDING_MODEL', isRemote && values.EMBEDDING_BASE_URL === ''],
  ] as const) {
    if (!isUsed || values.OPENAI_API_KEY || values.OPENAI_BASE_URL) continue
    warnings.push(
      `${name} is set without OPENAI_API_KEY and OPENAI_BASE_URL: api.openai.com refuses calls without a key.`,
    )
  }
  if ((values.RERANK_MODEL || values.RERANK_API_KEY) && !values.RERANK_URL) {
    warnings.push(
      'RERANK_MODEL or RERANK_API_KEY is set but not used: set RERANK_URL to rerank what is found.',
    )
  }
  if (values.QDRANT_API_KEY && !values.QDRANT_URL) {
    warnings.push('QDRANT_API_KEY is set but not used: set QDRANT_URL to store the records in Qdrant.')
  }
  if (values.QDRANT_API_KEY && values.QDRANT_URL && isUnencrypted(values.QDRANT_URL)) {
    warnings.push('QDRANT_API_KEY is sent to QDRANT_URL unencrypted: use https.')
  }
  return warnings
}
