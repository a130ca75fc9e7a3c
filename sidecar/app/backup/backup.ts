/*
 * npm run backup -- --to FILE
 *
 * Copies the SQLite records file in DATA_DIR to FILE, also while a sidecar uses it, and checks the copy. FILE appears only
 * when it is complete; an existing one is not overwritten. `npm run restore -- --from FILE` restores it. Exit codes: 0 the
 * backup is complete, 1 failure.
 */
import { existsSync, renameSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { copyRecordsFile } from '../../adapters/sqlite/backup.ts'
import { runCommand } from '../../cli/transfer/command.ts'
import { progressBar } from '../../cli/transfer/progress.ts'
import { storeCommand } from '../command.ts'
import { readConfig } from '../config.ts'
import { recordsFileOf } from './records-file.ts'

/** See the head of this file. */
export const backupCommand = storeCommand(async (_open, { args, env, stderr }) => {
  const { values } = parseArgs({ args, options: { to: { type: 'string' } } })
  if (!values.to) throw new Error('--to: expected the file to write, got nothing')
  const to = resolve(values.to)
  const config = readConfig(env)
  const from = recordsFileOf(config)
  if (existsSync(to))
    throw new Error(`--to: expected a new file, got an existing one: ${to}; choose another name`)
  if (!existsSync(dirname(to))) throw new Error(`--to: expected a file in an existing folder, got ${to}`)
  const intake = join(config.dataDir, 'intake.db')
  if (existsSync(intake)) {
    throw new Error(
      `DATA_DIR: ${intake} may hold turns that an earlier version accepted; start the sidecar once to store them, then back up`,
    )
  }
  const part = `${to}.part`
  const bar = progressBar('backup', stderr)
  try {
    const { records, bytes } = await copyRecordsFile(from, part, (fraction) => bar.draw(fraction, from))
    bar.end()
    renameSync(part, to)
    return `Done: ${to} is a checked copy of ${from} with ${records} records (${bytes} bytes).`
  } catch (cause) {
    throw new Error(`The backup is incomplete: ${(cause as Error).message}`, { cause })
  } finally {
    for (const suffix of ['', '-journal', '-wal', '-shm']) rmSync(`${part}${suffix}`, { force: true })
  }
})

if (import.meta.main) await runCommand(backupCommand)
