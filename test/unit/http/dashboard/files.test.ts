import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { LANGUAGES } from '../../../../sidecar/http/dashboard/languages.ts'
import { testApp } from '../../../helpers/test-app.ts'

const ASSETS = fileURLToPath(new URL('../../../../sidecar/http/dashboard/assets/', import.meta.url))
const scripts = globSync('**/*.js', { cwd: ASSETS }).map((path) => ({
  path,
  source: readFileSync(`${ASSETS}${path}`, 'utf8'),
}))

function textsOf(language: string): Record<string, string> {
  return JSON.parse(readFileSync(`${ASSETS}languages/${language}.json`, 'utf8'))
}

const placeholders = (text = '') => [...text.matchAll(/\{\w+\}/g)].map(([name]) => name).sort()

describe('the texts of the dashboard', () => {
  const english = textsOf('en')

  it.each(Object.keys(LANGUAGES))('have the same keys and placeholders in %s', (language) => {
    const texts = textsOf(language)
    expect(Object.keys(texts)).toEqual(Object.keys(english))
    for (const [key, text] of Object.entries(texts)) {
      expect([key, placeholders(text)]).toEqual([key, placeholders(english[key])])
      expect(text.trim()).not.toBe('')
    }
  })

  it('include every key that a script names', () => {
    const named = scripts.flatMap(({ source }) =>
      [...source.matchAll(/\bt\(\s*'([\w.-]+)'/g)].map(([, key]) => key as string),
    )
    expect(named.length).toBeGreaterThan(50)
    expect(named.filter((key) => !(key in english))).toEqual([])
  })

  it('include no key that no script uses', () => {
    const all = scripts.map(({ source }) => source).join('\n')
    // `reason.${name}`, and names of columns in lists.
    const families = new Set([...all.matchAll(/`([\w]+)\.\$\{/g)].map(([, family]) => family))
    const isUsed = (key: string) => all.includes(`'${key}'`) || families.has(key.split('.')[0])
    expect(Object.keys(english).filter((key) => !isUsed(key))).toEqual([])
  })
})

describe('the scripts of the dashboard', () => {
  it('never turn text into HTML or code', () => {
    const forbidden = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|srcdoc/
    expect(scripts.filter(({ source }) => forbidden.test(source)).map(({ path }) => path)).toEqual([])
  })

  it('have at most 300 lines each, like the styles', () => {
    const styles = globSync('**/*.css', { cwd: ASSETS }).map((path) => ({
      path,
      source: readFileSync(`${ASSETS}${path}`, 'utf8'),
    }))
    const long = [...scripts, ...styles].filter(({ source }) => source.split('\n').length > 301)
    expect(long.map(({ path }) => path)).toEqual([])
  })
})

describe('the pages', () => {
  it.each(['/', '/docs'])(
    '%s forbids inline scripts and styles, other hosts, frames and HTML from text',
    async (path) => {
      const { headers } = await testApp().fetch(path)
      const policy = headers.get('content-security-policy') ?? ''
      expect(policy).toContain("default-src 'none'")
      expect(policy).toContain("script-src 'self'")
      expect(policy).toContain("frame-ancestors 'none'")
      expect(policy).toContain("require-trusted-types-for 'script'")
      expect(policy).not.toContain('unsafe')
      expect(headers.get('x-content-type-options')).toBe('nosniff')
    },
  )

  it.each([
    [{ 'accept-language': 'fr-FR, ja;q=0.5, pt;q=0.7' }, 'pt-BR'],
    [{ 'accept-language': 'zh-TW' }, 'zh-Hans'],
    [{ 'accept-language': 'fr' }, 'en'],
    [{}, 'en'],
    [{ 'accept-language': 'ja', cookie: 'hippocache_language=ko' }, 'ko'],
    [{ 'accept-language': 'ja', cookie: 'hippocache_language=%22%3E%3Cscript%3E' }, 'ja'],
  ])('are in the language of %j: %s', async (headers, language) => {
    const response = await testApp().fetch('/', { headers: headers as Record<string, string> })
    expect(await response.text()).toContain(`<html lang="${language}"`)
  })

  it('serve their files with a type and an ETag, and nothing else', async () => {
    const { fetch } = testApp()
    const file = await fetch('/dashboard/files/app.js')
    expect(file.headers.get('content-type')).toContain('text/javascript')
    const etag = file.headers.get('etag') as string
    expect((await fetch('/dashboard/files/app.js', { headers: { 'if-none-match': etag } })).status).toBe(304)
    expect((await fetch('/dashboard/files/uplot/uPlot.esm.js')).status).toBe(200)
    for (const path of ['../page.ts', '%2e%2e/page.ts', 'uplot/../../page.ts', 'uplot/package.json', '']) {
      expect([path, (await fetch(`/dashboard/files/${path}`)).status]).toEqual([path, 404])
    }
  })
})
