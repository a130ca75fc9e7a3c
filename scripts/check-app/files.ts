import { readFile } from 'node:fs/promises'
import { checkApp, usesMemory } from './checks.ts'
import { readApp } from './read-app.ts'

/** Prints the findings in files and returns the exit code. */
export async function checkFiles(
  files: readonly string[],
  { log, error: logError }: Pick<Console, 'log' | 'error'>,
): Promise<number> {
  if (files.length === 0) {
    logError('APP.yml: expected a file exported from Dify (Studio › Export DSL), got nothing')
    return 2
  }
  let exitCode = 0
  for (const file of files) {
    try {
      const app = readApp(await readFile(file, 'utf8'))
      const findings = checkApp(app)
      for (const { node, text } of findings) log(`${file}: ${node === '' ? '' : `${node}: `}${text}`)
      if (findings.length > 0) exitCode = Math.max(exitCode, 1)
      else
        log(
          `${file}: ${usesMemory(app) ? 'nothing to correct' : 'has no node of Hippocache; nothing was checked'}`,
        )
    } catch (error) {
      logError(`${file}: ${error instanceof Error ? error.message : error}`)
      exitCode = 2
    }
  }
  return exitCode
}
