import { execFileSync } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseEnv } from 'node:util'
import { describe, expect, it } from 'vitest'
import { Environment, readConfig } from '../../sidecar/app/config.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const read = (path: string) => readFileSync(`${ROOT}${path}`, 'utf8')

const PAGES = ['README.md', 'AGENTS.md', 'CHANGELOG.md', ...globSync('docs/*.md', { cwd: ROOT })]
const VARIABLES = Object.keys(Environment.shape).sort()
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }

describe('every variable of the configuration', () => {
  it('is in .env.example, with its default, and no other variable is', () => {
    const example = parseEnv(read('.env.example')) as Record<string, string>
    expect(Object.keys(example).sort()).toEqual(VARIABLES)
    expect(readConfig(example)).toEqual(readConfig({}))
  })

  it('is in a table of docs/configuration.md, and no other variable is', () => {
    const rows = read('docs/configuration.md')
      .split('\n')
      .flatMap((line) => /^\| (`[^|]+) \|/.exec(line)?.[1] ?? [])
    const names = rows.flatMap((row) => [...row.matchAll(/`([A-Z][A-Z0-9_]+)`/g)].map(([, name]) => name))
    expect(names.sort()).toEqual(VARIABLES)
  })
})

describe('every npm script', () => {
  it('that the README or a page of docs names exists', () => {
    const pages = ['README.md', ...globSync('docs/*.md', { cwd: ROOT })].map(read)
    const named = pages.flatMap((page) =>
      [...page.matchAll(/\bnpm (?:run ([a-z][a-z0-9:-]*)|(start|test)\b)/g)].map(
        ([, script, short]) => script ?? (short as string),
      ),
    )
    expect(named.length).toBeGreaterThan(5)
    expect(named.filter((name) => !(name in scripts))).toEqual([])
  })

  it('runs a file that exists', () => {
    const files = Object.values(scripts).flatMap((script) => /^node (?:-\S+ )*(\S+)/.exec(script)?.[1] ?? [])
    expect(files.length).toBeGreaterThan(3)
    expect(files.filter((file) => !existsSync(`${ROOT}${file}`))).toEqual([])
  })
})

describe('the documentation', () => {
  it('keeps the README under 1,200 words', () => {
    expect(read('README.md').split(/\s+/).length).toBeLessThanOrEqual(1200)
  })

  it.each(PAGES)('links from %s only to files and headings that exist', (page) => {
    const links = [...read(page).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)]*))?\)|src="([^"]+)"/g)]
    const broken = links.filter(([, path, heading, image]) => {
      const target = join(dirname(page), image ?? path ?? '')
      const file = path === '' && !image ? page : target
      if (!existsSync(new URL(`../../${file}`, import.meta.url))) return true
      return heading !== undefined && file.endsWith('.md') && !headingsOf(file).includes(heading)
    })
    expect(broken.map(([link]) => link)).toEqual([])
  })

  it.each(PAGES)('names in %s only tests that exist', (page) => {
    const named = [...read(page).matchAll(/\btest\/(?:unit|contract|e2e)\/[\w./-]*\w/g)].map(([path]) => path)
    expect(named.filter((path) => !existsSync(`${ROOT}${path}`))).toEqual([])
  })

  it('names a test for each promise of docs/durability-and-failures.md', () => {
    const rows = read('docs/durability-and-failures.md').matchAll(
      /^\| promise \| test \|\n\|.*\n((?:\|.*\n)+)/gm,
    )
    const promises = [...rows].flatMap(([, table = '']) => table.trim().split('\n'))
    expect(promises.length).toBeGreaterThan(25)
    expect(promises.filter((row) => !/\| `test\/\S+\.test\.ts`.* \|$/.test(row))).toEqual([])
  })
})

/** The anchors that GitHub gives to the headings of a page. */
function headingsOf(page: string): string[] {
  const headings = read(page).matchAll(/^#+ (.*)$/gm)
  return Array.from(headings, ([, text = '']) =>
    text
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

describe('package-lock.json', () => {
  interface LockedPackage {
    resolved?: string
    link?: boolean
    optionalDependencies?: Record<string, string>
  }
  const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, LockedPackage> }

  it('has an entry for every platform, because `npm ci` needs it', () => {
    const optional = Object.values(packages).flatMap(({ optionalDependencies = {} }) =>
      Object.keys(optionalDependencies),
    )
    expect(optional.length).toBeGreaterThan(20)
    expect(optional.filter((name) => !packages[`node_modules/${name}`])).toEqual([])
  })

  it('has no download URL, so that an install uses the configured registry', () => {
    const urls = Object.values(packages).flatMap(({ resolved, link }) =>
      resolved && !link ? [resolved] : [],
    )
    expect(urls).toEqual([])
  })
})

// `git grep` searches tracked files only; an unpacked archive has no list of them.
describe.skipIf(!existsSync(`${ROOT}.git`))('the tracked files', () => {
  it('contain no path of the machine they were written on', () => {
    // Joined here, so that this file does not match.
    const folders = ['work', 'home', 'Users', 'root'].join('|')
    const path = `(^|[^A-Za-z0-9_.~-])/(${folders})/[a-z]`
    // The people of the labelled conversations talk about the paths of their machines.
    expect(grep('-nIE', path, '--', '.', ':!bench/talks/data')).toBe('')
  })

  it('contain no test that is skipped or runs alone', () => {
    expect(grep('-nE', '(it|test|describe)\\.(skip|only|todo)\\(', '--', 'test')).toBe('')
  })
})

/** Output of `git grep`, which exits with 1 if nothing matches. */
function grep(...args: readonly string[]): string {
  try {
    return execFileSync('git', ['-C', ROOT, 'grep', ...args], { encoding: 'utf8' })
  } catch (error) {
    if ((error as { status?: number }).status === 1) return ''
    throw error
  }
}
