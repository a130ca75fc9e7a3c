import { describe, expect, it } from 'vitest'
import { findViolations } from '../../../scripts/check-architecture.ts'

const CLEAN = {
  'sidecar/ports/clock.ts': 'export const now = () => 0\n',
  'sidecar/memory/store/rows.ts': "import { now } from '../../ports/clock.ts'\nexport const at = now()\n",
  'sidecar/memory/engine/engine.ts': "export { at } from '../store/rows.ts'\nimport 'node:fs'\n",
  'sidecar/memory/repositories/rows.ts': 'export const cast = (row: object) => row as unknown as string\n',
  'sidecar/app/main.ts': "const { at } = await import('../memory/engine/engine.ts')\nexport { at }\n",
}

const violationsWith = (files: Record<string, string>) =>
  findViolations(new Map(Object.entries({ ...CLEAN, ...files })))

describe('findViolations', () => {
  it('finds none in a clean tree', () => {
    expect(violationsWith({})).toEqual([])
  })

  it.each<[string, Record<string, string>, RegExp]>([
    [
      'an import of a higher layer',
      { 'sidecar/ports/high.ts': "import '../memory/repositories/rows.ts'\n" },
      /^sidecar\/ports\/high\.ts: ports must not import memory /,
    ],
    [
      'a type import of a higher layer',
      { 'sidecar/ports/high.ts': "import type { Row } from '../memory/repositories/rows.ts'\n" },
      /: ports must not import memory /,
    ],
    [
      'a re-export of a higher layer',
      { 'sidecar/ports/high.ts': "export * from '../memory/repositories/rows.ts'\n" },
      /: ports must not import memory /,
    ],
    [
      'a dynamic import of an adapter',
      { 'sidecar/memory/store/more.ts': "await import('../../adapters/redis/cache.ts')\n" },
      /: memory must not import adapters /,
    ],
    [
      'a layer without a rule',
      { 'sidecar/extra/new.ts': "import '../ports/clock.ts'\n" },
      /: extra must not import ports /,
    ],
    [
      'a file with more than 300 lines',
      { 'sidecar/ports/long.ts': '\n'.repeat(301) },
      /^sidecar\/ports\/long\.ts: expected at most 300 lines, got 301$/,
    ],
    [
      'a cast outside the folders that read records',
      { 'sidecar/memory/store/cast.ts': 'export const cast = (row: object) => row as unknown as string\n' },
      /^sidecar\/memory\/store\/cast\.ts: `as unknown as` is allowed in/,
    ],
    [
      'a file other than the configuration that reads the environment',
      { 'sidecar/memory/store/env.ts': 'export const url = process.env.REDIS_URL\n' },
      /^sidecar\/memory\/store\/env\.ts: `process\.env` is allowed in/,
    ],
    [
      'a folder with more than 12 files',
      Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`sidecar/ports/port-${i}.ts`, ''])),
      /^sidecar\/ports: expected at most 12 files, got 13$/,
    ],
    [
      'a cycle between two folders',
      { 'sidecar/memory/store/back.ts': "import type { Engine } from '../engine/engine.ts'\n" },
      /^folder cycle: sidecar\/memory\/store -> sidecar\/memory\/engine -> sidecar\/memory\/store /,
    ],
    [
      'a cycle of three folders',
      {
        'sidecar/memory/store/back.ts': "import '../model/memory.ts'\n",
        'sidecar/memory/model/memory.ts': "import '../engine/engine.ts'\n",
      },
      /^folder cycle: (?:sidecar\/memory\/\w+ -> ){3}/,
    ],
  ])('reports %s', (_, files, message) => {
    expect(violationsWith(files)).toEqual([expect.stringMatching(message)])
  })

  it('accepts a file of exactly 300 lines and imports of packages', () => {
    const files = { 'sidecar/ports/long.ts': `import 'zod'\n${'\n'.repeat(299)}` }
    expect(violationsWith(files)).toEqual([])
  })
})
