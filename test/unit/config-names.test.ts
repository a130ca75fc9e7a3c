import { expect, it } from 'vitest'
import { unreadNames } from '../../sidecar/app/config/names.ts'
import { Environment, readConfig } from '../../sidecar/app/config.ts'

const KNOWN = Object.keys(Environment.shape)

it.each([
  ['APIKEYS', 'API_KEYS'],
  ['API_KEY', 'API_KEYS'],
  ['HIPPOCACHE_API_KEYS', 'API_KEYS'],
  ['HIPPOCACHE_PORT', 'PORT'],
  ['REDIS_URI', 'REDIS_URL'],
  ['DATADIR', 'DATA_DIR'],
  ['LLM_MODLE', 'LLM_MODEL'],
  ['OPENAI_API_BASE_URL', undefined],
  ['PWD', undefined],
  ['PATH', undefined],
  ['HOSTNAME', undefined],
  ['LANG', undefined],
  ['QDRANT_URL', undefined],
])('reads %s as meant for %s', (name, meant) => {
  expect(unreadNames([name], KNOWN)).toEqual(meant === undefined ? [] : [[name, meant]])
})

it('warns of near-misses without their values, and of a model that no endpoint can serve', () => {
  expect(readConfig({ APIKEYS: 'secret', LLM_MODEL: 'm' }).warnings).toEqual([
    'APIKEYS is set but not read: did you mean API_KEYS?',
    'LLM_MODEL is set without OPENAI_API_KEY and OPENAI_BASE_URL: api.openai.com refuses calls without a key.',
  ])
  expect(readConfig({ LLM_MODEL: 'm', OPENAI_BASE_URL: 'http://ollama/v1' }).warnings).toEqual([])
})
