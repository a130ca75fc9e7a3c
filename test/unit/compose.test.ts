import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { Environment, readConfig } from '../../sidecar/app/config.ts'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

interface Service {
  image: string
  environment?: Record<string, string>
  command?: string[]
  healthcheck?: { test: string[] }
  depends_on?: Record<string, { condition: string; required?: boolean }>
  volumes?: string[]
  networks: string[]
  ports?: string[]
  profiles?: string[]
  container_name?: string
}

const file = parse(read('compose.yaml')) as {
  name: string
  services: Record<string, Service>
  volumes: Record<string, unknown>
  networks: Record<string, { name?: string; internal?: boolean; external?: boolean } | null>
}
const { services } = file
const sidecar = services['hippocache'] as Service
const redis = services['hippocache-redis'] as Service

/** Replaces `${VARIABLE}` by its default. */
const withDefaults = (text: string) =>
  text.replace(/\$\{[A-Z_]+(?::[-?]([^}]*))?\}/g, (_, fallback = '') => fallback)

// The file is parsed but not run.
describe('compose.yaml', () => {
  it('declares every volume, network and service that a service refers to', () => {
    for (const [name, { volumes = [], networks, depends_on = {} }] of Object.entries(services)) {
      for (const volume of volumes) expect(Object.keys(file.volumes), name).toContain(volume.split(':')[0])
      for (const network of networks) expect(Object.keys(file.networks), name).toContain(network)
      for (const other of Object.keys(depends_on)) expect(Object.keys(services), name).toContain(other)
    }
  })

  it('sets only variables that the sidecar knows, to values that it accepts', () => {
    const environment = sidecar.environment as Record<string, string>
    expect(Object.keys(Environment.shape)).toEqual(expect.arrayContaining(Object.keys(environment)))
    const values = Object.fromEntries(
      Object.entries(environment).map(([name, text]) => [name, withDefaults(text)]),
    )
    const key = 'dify:0123456789abcdef'
    const alone = readConfig({ ...values, HOST: '0.0.0.0', API_KEYS: key })
    expect(alone.redis?.target.nodes).toEqual([{ host: 'hippocache-redis', port: 6379 }])
    expect(alone.qdrant).toBeUndefined()
    const embeddings = /EMBEDDING_BASE_URL=(http:\S+)/.exec(read('compose.yaml'))?.[1] as string
    expect(Object.keys(services)).toContain(new URL(embeddings).hostname)
    const url = /QDRANT_URL=(http:\S+)/.exec(read('compose.yaml'))?.[1] as string
    const { qdrant } = readConfig({ ...values, HOST: '0.0.0.0', API_KEYS: key, QDRANT_URL: url })
    expect(Object.keys(services)).toContain(new URL(qdrant?.url as string).hostname)
  })

  it('requires no variable, so that ps, logs and down work without one', () => {
    expect(read('compose.yaml')).not.toMatch(/\$\{\w+:?\?/)
    expect(() => readConfig({ HOST: '0.0.0.0', API_KEYS: '' })).toThrow('set API_KEYS=name:key')
  })

  it('can be scaled: no container name, and a range of host ports', () => {
    expect(sidecar.container_name).toBeUndefined()
    for (const port of sidecar.ports ?? []) {
      const [, first, last] = /^127\.0\.0\.1:(\d+)-(\d+):8484$/.exec(port) as RegExpExecArray
      expect(Number(last) - Number(first)).toBeGreaterThanOrEqual(1)
    }
    expect(read('docs/deployment.md')).toContain('--scale hippocache=2')
  })

  it('waits until the backends are healthy, and for the optional one only if its profile is active', () => {
    for (const [name, { condition, required = true }] of Object.entries(sidecar.depends_on ?? {})) {
      const backend = services[name] as Service
      expect(condition).toBe('service_healthy')
      expect(backend.healthcheck?.test[0]).toBe('CMD')
      expect(required, name).toBe(backend.profiles === undefined)
    }
  })

  it('bounds the memory of Redis, evicts keys with a TTL first, and persists the others', () => {
    const option = (name: string) => redis.command?.[redis.command.indexOf(`--${name}`) + 1]
    expect(option('maxmemory')).toMatch(/^\d+mb$/)
    expect(option('maxmemory-policy')).toBe('volatile-lru')
    expect(option('appendonly')).toBe('yes')
  })

  it('exposes the backends to the sidecars only', () => {
    expect(file.networks['backends']).toEqual({ internal: true })
    expect(file.networks['dify']).toMatchObject({ external: true })
    for (const [name, { networks, ports }] of Object.entries(services)) {
      if (name === 'hippocache') continue
      // The embedding server downloads its model.
      const downloads = name === 'hippocache-embeddings' ? ['downloads'] : []
      expect({ networks, ports }).toEqual({ networks: ['backends', ...downloads], ports: undefined })
    }
  })
})
