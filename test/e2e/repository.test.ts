import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseEnv } from 'node:util'
import { describe, expect, it } from 'vitest'
import { readConfig } from '../../sidecar/app/config.ts'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

const PAGES = [
  'README.md',
  'AGENTS.md',
  ...readdirSync(new URL('../../docs', import.meta.url)).map((name) => `docs/${name}`),
].filter((path) => path.endsWith('.md'))
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }

/** The variables that the sidecar can be set up with, as its schema has them. */
function settings(): string[] {
  const schema =
    /const Environment = z\.object\(\{\n(.*?)\n\}\)/s.exec(read('sidecar/app/config.ts'))?.[1] ?? ''
  return [...schema.matchAll(/^ {2}([A-Z][A-Z0-9_]*):/gm)].map(([, name]) => name as string)
}

describe('every setting of the sidecar', () => {
  it('is in .env.example, which names no other variable', () => {
    expect(settings().length).toBeGreaterThan(5)
    expect(Object.keys(parseEnv(read('.env.example'))).sort()).toEqual(settings().sort())
  })

  it('is in .env.example with its default', () => {
    expect(readConfig(parseEnv(read('.env.example')) as Record<string, string>)).toEqual(readConfig({}))
  })

  it('is in a table of docs/configuration.md', () => {
    const table = read('docs/configuration.md')
      .split('\n')
      .filter((line) => line.startsWith('|'))
    expect(settings().filter((name) => !table.some((line) => line.includes(`\`${name}\``)))).toEqual([])
  })
})

describe('every npm script', () => {
  it('that the documentation names exists', () => {
    const named = [
      ...PAGES.map(read)
        .join('\n')
        .matchAll(/\bnpm (?:run )?([a-z][a-z0-9:-]*)/g),
    ].map(([, name]) => name as string)
    const own = new Set(named.filter((name) => !['install', 'i', 'ci', 'workspace'].includes(name)))
    expect(own.size).toBeGreaterThan(3)
    expect([...own].filter((name) => !(name in scripts))).toEqual([])
  })

  it('runs a file that exists', () => {
    const files = Object.values(scripts).flatMap((script) => /^node (?:-\S+ )*(\S+)/.exec(script)?.[1] ?? [])
    expect(files.length).toBeGreaterThan(3)
    expect(files.filter((file) => !existsSync(new URL(`../../${file}`, import.meta.url)))).toEqual([])
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

// `git grep` looks at what is tracked; an unpacked archive has no such list.
const noGit = !existsSync(new URL('../../.git', import.meta.url))

describe('what is checked in', () => {
  it('names no registry in the lockfile, so that an install uses the one that is configured', () => {
    expect(
      [...read('package-lock.json').matchAll(/"resolved": "https?:[^"]*"/g)].map(([line]) => line),
    ).toEqual([])
  })

  it.skipIf(noGit)('names no folder of the machine that it was written on', () => {
    // Put together here, so that this line is not what it looks for.
    const folders = ['work', 'home', 'Users', 'root'].join('|')
    const options = [
      '-C',
      new URL('../..', import.meta.url).pathname,
      'grep',
      '-nIE',
      `(^|[^A-Za-z0-9_.~-])/(${folders})/[a-z]`,
    ]
    expect(grep(options)).toBe('')
  })
})

describe('tests', () => {
  it.skipIf(noGit)('all run: none is left out or alone', () => {
    const options = [
      '-C',
      new URL('../..', import.meta.url).pathname,
      'grep',
      '-nE',
      '(it|test|describe)\\.(skip|only|todo)\\(',
      '--',
      'test',
    ]
    expect(grep(options)).toBe('')
  })
})

/** What `git grep` finds; finding nothing is exit code 1. */
function grep(options: readonly string[]): string {
  try {
    return execFileSync('git', options, { encoding: 'utf8' })
  } catch (error) {
    if ((error as { status?: number }).status === 1) return ''
    throw error
  }
}
