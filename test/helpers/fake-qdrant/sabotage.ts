import { onTestFinished, vi } from 'vitest'
import type { Opener } from './subject.ts'

// biome-ignore lint/suspicious/noExplicitAny: parts of the adapter, replaced by broken ones
type Part = any

/** Files of the adapter, and what is broken in them. */
export type Parts = Record<string, (honest: Part) => Part>

const HOME = '../../../sidecar/adapters/qdrant'

/** The adapter with some of its parts replaced, loaded anew. */
export async function openSabotagedQdrant(parts: Parts = {}): Promise<Opener> {
  vi.resetModules()
  for (const [file, sabotage] of Object.entries(parts)) {
    const path = `${HOME}/${file}`
    vi.doMock(path, async (importOriginal) => {
      const honest = await importOriginal<object>()
      return { ...honest, ...sabotage(honest) }
    })
    onTestFinished(() => vi.doUnmock(path))
  }
  const { openQdrantRecords } = await import(`${HOME}/records.ts`)
  return openQdrantRecords
}
