// Checks the folder rules of docs/architecture.md and prints every violation. Run by `npm run lint`.
// dependency-cruiser needs the compiler API that TypeScript 7 does not have, so imports are read with oxc-parser.
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { parseSync } from 'oxc-parser'

/** Folders of `sidecar/` from the lowest layer up, each with the layers that it may import besides itself. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  text: [],
  ports: ['text'],
  adapters: ['text', 'ports'],
  memory: ['text', 'ports'],
  retrieval: ['text', 'ports', 'memory'],
  learning: ['text', 'ports', 'memory', 'retrieval'],
  insight: ['text', 'ports', 'memory', 'retrieval', 'learning'],
  experiments: ['text', 'ports', 'memory', 'retrieval', 'learning', 'insight'],
  http: ['text', 'ports', 'memory', 'retrieval', 'learning', 'insight', 'experiments'],
  cli: ['text', 'ports', 'memory', 'retrieval', 'learning', 'insight', 'experiments'],
  app: [
    'text',
    'ports',
    'adapters',
    'memory',
    'retrieval',
    'learning',
    'insight',
    'experiments',
    'http',
    'cli',
  ],
}

const MAX_LINES = 300
const MAX_FILES_PER_FOLDER = 12
/** The only folders where a record's payload, or an answer of a backend's client, may be cast. */
const CAST_FOLDERS = /^sidecar\/(memory\/repositories|adapters)\//

/** Everything else gets its settings as options. */
const ENVIRONMENT_READERS = [
  'sidecar/app/config.ts',
  'sidecar/cli/catch-up.ts',
  'sidecar/cli/import.ts',
  'sidecar/cli/export.ts',
  'sidecar/cli/outcomes.ts',
]

/** @param sources contents by path relative to the repository, with `/` as separator */
export function findViolations(sources: ReadonlyMap<string, string>): string[] {
  const violations: string[] = []
  const folderImports = new Map<string, Map<string, string>>()
  const filesPerFolder = new Map<string, number>()
  for (const [path, source] of sources) {
    const folder = dirname(path)
    filesPerFolder.set(folder, (filesPerFolder.get(folder) ?? 0) + 1)
    const lines = source.split('\n').length - 1
    if (lines > MAX_LINES) violations.push(`${path}: expected at most ${MAX_LINES} lines, got ${lines}`)
    if (/\bas unknown as\b/.test(source) && !CAST_FOLDERS.test(path)) {
      violations.push(
        `${path}: \`as unknown as\` is allowed in sidecar/memory/repositories and sidecar/adapters only`,
      )
    }
    if (/\bprocess\.env\b/.test(source) && !ENVIRONMENT_READERS.includes(path)) {
      violations.push(`${path}: \`process.env\` is allowed in ${ENVIRONMENT_READERS.join(', ')} only`)
    }
    for (const target of importsOf(path, source)) {
      if (!target.startsWith('sidecar/')) continue
      const [from = '', to = ''] = [layerOf(path), layerOf(target)]
      if (from !== to && !LAYERS[from]?.includes(to)) {
        violations.push(`${path}: ${from} must not import ${to} (${target})`)
      }
      const targetFolder = dirname(target)
      if (targetFolder === folder) continue
      const targets = folderImports.get(folder) ?? new Map<string, string>()
      targets.set(targetFolder, `${path} -> ${target}`)
      folderImports.set(folder, targets)
    }
  }
  for (const [folder, count] of filesPerFolder) {
    if (count > MAX_FILES_PER_FOLDER) {
      violations.push(`${folder}: expected at most ${MAX_FILES_PER_FOLDER} files, got ${count}`)
    }
  }
  return [...violations, ...folderCycles(folderImports)]
}

function layerOf(path: string): string | undefined {
  return path.split('/')[1]
}

/** Paths of the relative imports and re-exports of a file, type imports included. */
function importsOf(path: string, source: string): string[] {
  const { module } = parseSync(path, source)
  const specifiers = [
    ...module.staticImports.map(({ moduleRequest }) => moduleRequest.value),
    ...module.staticExports.flatMap(({ entries }) =>
      entries.flatMap((entry) => entry.moduleRequest?.value ?? []),
    ),
    ...module.dynamicImports.map(({ moduleRequest }) =>
      source.slice(moduleRequest.start + 1, moduleRequest.end - 1),
    ),
  ]
  return specifiers
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => normalize(join(dirname(path), specifier)))
}

/** One line for each import that closes a cycle between folders. */
function folderCycles(imports: ReadonlyMap<string, ReadonlyMap<string, string>>): string[] {
  const cycles: string[] = []
  const done = new Set<string>()
  const visit = (folder: string, path: readonly string[]): void => {
    const start = path.indexOf(folder)
    if (start >= 0) {
      const cycle = [...path.slice(start), folder]
      const edges = cycle.slice(1).map((to, i) => imports.get(cycle[i] as string)?.get(to))
      cycles.push(`folder cycle: ${cycle.join(' -> ')} (${edges.join(', ')})`)
      return
    }
    if (done.has(folder)) return
    for (const next of imports.get(folder)?.keys() ?? []) visit(next, [...path, folder])
    done.add(folder)
  }
  for (const folder of imports.keys()) visit(folder, [])
  return cycles
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '..')
  const paths = globSync('sidecar/**/*.ts', { cwd: root }).filter((path) => !path.endsWith('.d.ts'))
  const violations = findViolations(
    new Map(paths.sort().map((path) => [path, readFileSync(join(root, path), 'utf8')])),
  )
  for (const violation of violations) console.error(violation)
  if (violations.length > 0) console.error(`architecture: ${violations.length} violations`)
  process.exitCode = violations.length > 0 ? 1 : 0
}
