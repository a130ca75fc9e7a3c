import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readConfig } from '../../sidecar/app/config.ts'
import { tempDir } from '../helpers/temp-dir.ts'
import { said, testApp } from '../helpers/test-app.ts'

const SCHEMAS = ['assistant', 'support-desk', 'tutor'].map((name) => `schemas/${name}.json`)

function file(name: string, content: unknown): string {
  const path = join(tempDir(), name)
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

describe('RULES_FILE', () => {
  it.each(SCHEMAS)('%s is valid, and PUT /v1/rules takes it', async (path) => {
    const { defaultRules } = readConfig({ RULES_FILE: path })
    expect(defaultRules?.topics.length).toBeGreaterThan(4)
    const rules = JSON.parse(readFileSync(path, 'utf8'))
    const { status, body } = await testApp().call('PUT', '/v1/rules', { app_id: 'a', rules })
    expect(status, JSON.stringify(body)).toBe(200)
    expect(body.rules).toEqual(defaultRules)
  })

  it('applies to apps without rules of their own, and structures the profile', async () => {
    const { defaultRules } = readConfig({ RULES_FILE: 'schemas/tutor.json' })
    const app = testApp({ defaultRules })
    const inherited = await app.call('GET', '/v1/rules?app_id=any')
    expect(inherited.body.in_force).toEqual({ from: 'default', version: 0 })
    expect(inherited.body.rules.topics[0].name).toBe('learner')
    await app.call('PUT', '/v1/rules', { app_id: 'own', rules: {} })
    const own = await app.call('GET', '/v1/rules?app_id=own')
    expect(own.body.rules.topics[0].name).toBe('basic_info')
  })

  it.each([
    ['{', /^ {2}- RULES_FILE: expected JSON in .*wrong\.json/m],
    [{ topics: [{ title: 'x' }] }, /wrong\.json: topics\.0\.name: .*; topics\.0: .*title/],
    [{ topic: [] }, /wrong\.json: .*"topic"/],
    [{ include_topics: ['nonsense'] }, /include_topics\.0: expected one of the topics/],
  ])('refuses %j with the file and the field', (content, message) => {
    expect(() => readConfig({ RULES_FILE: file('wrong.json', content) })).toThrow(message)
  })

  it('refuses a file that does not exist', () => {
    expect(() => readConfig({ RULES_FILE: 'schemas/none.json' })).toThrow(
      'RULES_FILE: expected a file that can be read, got schemas/none.json',
    )
  })
})

describe('ENTITIES_FILE', () => {
  const CSV =
    '\ufeffname,type,aliases\nGlobex,organisation,GBX; グロベックス\nAtlas,product,\nNew York Times,organisation,\n'
  const JSON_FILE = [
    { name: 'Globex', type: 'organisation', aliases: ['GBX', 'グロベックス'] },
    { name: 'Atlas', type: 'product' },
    { name: 'New York Times', type: 'organisation' },
  ]

  it.each([
    ['entities.csv', CSV],
    ['entities.json', JSON_FILE],
  ])('%s: finds known entities by name and alias, whole words only', async (name, content) => {
    const { dictionary } = readConfig({ ENTITIES_FILE: file(name, content) })
    const app = testApp({ dictionary })
    for (const text of [
      'I work at Globex.',
      'gbx pays late again.',
      '昨日はグロベックスで会議でした。',
      'My atlas crashed, the atlases of others did not.',
      'I read the New York Times every day.',
    ]) {
      expect((await app.call('POST', '/v1/memories', said(text))).status).toBe(200)
    }
    const { body } = await app.call('GET', '/v1/entities?user_id=ada&limit=50')
    const found = Object.fromEntries(
      body.entities.map(({ name, type, count }: Record<string, unknown>) => [name, [type, count]]),
    )
    expect(found).toMatchObject({
      Globex: ['organisation', 3],
      Atlas: ['product', 1],
      'New York Times': ['organisation', 1],
    })
    expect(found).not.toHaveProperty('GBX')
    const graph = await app.call('GET', '/v1/graph?user_id=ada&entity=GBX&depth=1')
    expect(graph.body.unknown).toEqual([])
    expect(graph.body.edges.map(({ label }: { label: string }) => label)).toEqual(['works_at'])
  })

  it.each([
    [[{ name: 'A' }], /entities\.json: 0\.name: expected at least 2 characters/],
    [[{ name: 'Ada', kind: 'x' }], /entities\.json: 0: .*kind/],
    [{ Ada: 'person' }, /expected a list of entities/],
    [
      [{ name: 'Ada' }, { name: 'Bob', aliases: ['ADA'] }],
      /1: expected each name once, got "ADA", a name of "Ada"/,
    ],
  ])('refuses %j with the file and the field', (content, message) => {
    expect(() => readConfig({ ENTITIES_FILE: file('entities.json', content) })).toThrow(message)
  })
})
