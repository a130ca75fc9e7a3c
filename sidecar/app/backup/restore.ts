/*
 * npm run restore -- --from FILE
 *
 * Copies a backup into DATA_DIR and checks the copy. The sidecar must be stopped, and DATA_DIR must hold no records file. What
 * Redis holds of the store is not used any more. Exit codes: 0 the sidecar can be started, 1 failure, and nothing was
 * changed.
 */
import { existsSync, renameSync, rmSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { copyRecordsFile } from '../../adapters/sqlite/backup.ts'
import { lockFile } from '../../adapters/sqlite/file.ts'
import { openSqliteRecords } from '../../adapters/sqlite/records.ts'
import { runCommand } from '../../cli/transfer/command.ts'
import { progressBar } from '../../cli/transfer/progress.ts'
import { removeStoreIdentity } from '../../memory/repositories/meta.ts'
import { storeCommand } from '../command.ts'
import { readConfig } from '../config.ts'
import { recordsFileOf } from './records-file.ts'

/** See the head of this file. */
export const restoreCommand = storeCommand(async (_open, { args, env, stderr }) => {
  const { values } = parseArgs({ args, options: { from: { type: 'string' } } })
  if (!values.from) throw new Error('--from: expected a file of `npm run backup`, got nothing')
  const from = resolve(values.from)
  if (!existsSync(from))
    throw new Error(`--from: expected a file of \`npm run backup\`, got nothing at ${from}`)
  const to = recordsFileOf(readConfig(env))
  using _ = lockFile(to)
  for (const file of [to, `${to}-wal`]) {
    if (existsSync(file)) {
      throw new Error(`DATA_DIR: expected no records file, got ${file}; move it away or set another DATA_DIR`)
    }
  }
  const part = `${to}.part`
  const bar = progressBar('restore', stderr)
  try {
    const { records } = await copyRecordsFile(from, part, (fraction) => bar.draw(fraction, to))
    bar.end()
    // The cached blocks and counters in Redis belong to a later state than the backup.
    const store = openSqliteRecords(part)
    await removeStoreIdentity(store)
    await store.close()
    renameSync(part, to)
    return `Done: ${to} has ${records} records. Start the sidecar.`
  } catch (cause) {
    throw new Error(`Nothing was restored: ${(cause as Error).message}`, { cause })
  } finally {
    for (const suffix of ['', '-journal', '-wal', '-shm', '-lock'])
      rmSync(`${part}${suffix}`, { force: true })
  }
})

if (import.meta.main) await runCommand(restoreCommand)
