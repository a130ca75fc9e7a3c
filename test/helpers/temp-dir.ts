import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A directory of its own for the running test, gone when it ends. */
export function tempDir(): string {
  const path = mkdtempSync(join(tmpdir(), 'hippocache-test-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}
