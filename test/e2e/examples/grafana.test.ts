import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { startScriptedOpenAi } from '../../helpers/scripted-openai/server.ts'
import { openSidecar } from '../../helpers/sidecar.ts'
import { tempDir } from '../../helpers/temp-dir.ts'
import { type ReadMetrics, readMetrics } from '../../unit/insight/metrics/read.ts'

interface Panel {
  id: number
  type: string
  title: string
  description?: string
  gridPos: { x: number; y: number; w: number; h: number }
  targets?: { expr: string; legendFormat: string; datasource: { uid: string } }[]
}

const dashboard: {
  panels: Panel[]
  templating: { list: { name: string; type: string; definition?: string }[] }
} = JSON.parse(readFileSync(new URL('../../../examples/grafana/hippocache.json', import.meta.url), 'utf8'))

const queries = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
const variables = dashboard.templating.list

/** The metrics of a query with the labels that it reads from them. Prometheus adds `instance`; `le` is of buckets. */
function metricsOf(query: string): [name: string, labels: string[]][] {
  const grouped = [...query.matchAll(/by \(([^)]+)\)/g)].flatMap(([, labels = '']) => labels.split(', '))
  return [...query.matchAll(/(hippocache_\w+)(?:\{([^}]*)\})?/g)].map(([, name = '', selector = '']) => {
    const selected = [...selector.matchAll(/(\w+)(?:=~|!~|!=|=)"/g)].map(([, label = '']) => label)
    return [name, [...new Set([...grouped, ...selected])].filter((label) => label !== 'instance')]
  })
}

/** The metrics of a sidecar with a language model after a conversation under an experiment. */
async function metricsOfChat(): Promise<ReadMetrics> {
  const openAi = await startScriptedOpenAi()
  const { url, call } = await openSidecar({
    ...{ DATA_DIR: tempDir(), OPENAI_BASE_URL: openAi.url, OPENAI_API_KEY: 'sk-test', LLM_MODEL: 'scripted' },
  })
  const arms = ['per_query', 'cached', 'cached_delta'].map((strategy) => ({ name: strategy, strategy }))
  await call('POST', '/v1/experiments', { name: 'ab', arms })
  for (const turn of [1, 2, 3]) {
    const place = { user_id: 'ada', conversation_id: 'c1', turn }
    await call('POST', '/v1/recall', {
      ...place,
      query: 'Where do I live?',
      experiment: 'ab',
      window_size: 3,
    })
    await call('POST', '/v1/memories', {
      ...place,
      messages: [{ role: 'user', content: 'I live in Kyoto.' }],
    })
    await call('POST', '/v1/outcomes', { ...place, name: 'thumbs', value: 'like' })
  }
  await call('POST', '/v1/recall', { user_id: 'ada', query: 'Where do I live?', strategy: 'per_query' })
  await call('POST', '/v1/flush', { user_id: 'ada' })
  return readMetrics(await (await fetch(`${url}/metrics`)).text())
}

it('every metric and label of the dashboard is in /metrics of a running sidecar', async () => {
  const { names, labelsOf } = await metricsOfChat()
  const definitions = variables.flatMap(({ definition }) => definition ?? [])
  const used = [...queries, ...definitions].flatMap(metricsOf)
  expect(used.length).toBeGreaterThan(15)
  for (const [name, labels] of used) {
    expect(names).toContain(name)
    for (const label of labels)
      expect(Object.keys(labelsOf(name)[0] ?? {}), `${name} ${label}`).toContain(label)
  }
}, 120_000)

it('every variable of a query is defined, and every legend shows grouped labels', () => {
  const known = [...variables.map(({ name }) => name), '__rate_interval']
  for (const query of queries) {
    for (const [, name] of query.matchAll(/\$(\w+)/g)) expect(known).toContain(name)
  }
  for (const { targets = [] } of dashboard.panels) {
    for (const { expr, legendFormat, datasource } of targets) {
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the syntax of Grafana
      expect(datasource.uid).toBe('${datasource}')
      for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g))
        expect(expr).toMatch(new RegExp(`by \\([^)]*${label}`))
    }
  }
})

it('panels have a title, a description and a place of their own', () => {
  const taken = new Set<string>()
  for (const { title, type, description = '', gridPos } of dashboard.panels) {
    expect(title).toMatch(/\w/)
    if (type !== 'row') expect(description, title).toMatch(/\.$/)
    expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        expect(taken.has(`${x} ${y}`), title).toBe(false)
        taken.add(`${x} ${y}`)
      }
    }
  }
  expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length)
})
