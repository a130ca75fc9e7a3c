import { readFileSync, writeFileSync } from 'node:fs'

const begin = (name: string) => `<!-- begin: npm run bench -- ${name} --write -->`
const END = '<!-- end -->'

/** Returns the part of a Markdown text that a benchmark writes. @throws {Error} without its markers */
export function readSection(text: string, name: string): string {
  const [from, to] = boundsOf(text, name)
  return text.slice(from, to).trim()
}

/** Replaces the part of a Markdown file that a benchmark writes. @throws {Error} without its markers */
export function writeSection(path: string, name: string, content: string): void {
  const text = readFileSync(path, 'utf8')
  const [from, to] = boundsOf(text, name)
  writeFileSync(path, `${text.slice(0, from)}\n${content}\n${text.slice(to)}`)
}

function boundsOf(text: string, name: string): [from: number, to: number] {
  const start = text.indexOf(begin(name))
  const from = start + begin(name).length
  const to = text.indexOf(END, from)
  if (start < 0 || to < 0)
    throw new Error(`expected "${begin(name)}" and "${END}" around the results, found none`)
  return [from, to]
}
