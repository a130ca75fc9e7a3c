/*
 * npm run export -- --user ID [--to FILE] [--url http://127.0.0.1:8484] [--key KEY]
 *
 * Exports everything that a running sidecar stores for a user as JSON Lines, to a file or to stdout. The file appears
 * only when it is complete. `npm run import -- --from FILE` restores it.
 */
import { createWriteStream, renameSync, rmSync } from 'node:fs'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { createClient } from './transfer/client.ts'
import { type CommandContext, runCommand } from './transfer/command.ts'
import { connectionOptions } from './transfer/connection-options.ts'
import { CliError, required } from './transfer/input/cli-error.ts'

/** Timeout of the whole export, milliseconds. */
const REQUEST_TIMEOUT_MS = 3_600_000

/** Upper bound for the size of a footer, bytes. */
const TAIL_BYTES = 4096

/** See the head of this file. */
export async function exportCommand({ args, env, stdout, stderr }: CommandContext): Promise<number> {
  const string = { type: 'string' } as const
  const { values } = parseArgs({ args, options: { user: string, to: string, url: string, key: string } })
  const { to, url, key } = values
  const user = required('--user', 'the id of the user to export', values.user)
  const connection = connectionOptions({ url, key }, env)
  const client = createClient({ ...connection, requestTimeoutMs: REQUEST_TIMEOUT_MS })
  await client.checkConnection()
  const body = await client.stream(`/v1/export?user_id=${encodeURIComponent(user)}`)
  const part = to === undefined ? undefined : `${to}.part`
  const out = part === undefined ? stdout : createWriteStream(part)
  try {
    const footer = watchForFooter()
    await pipeline(body, footer.stream, out, { end: part !== undefined })
    if (!footer.isComplete()) throw new Error('the response ended before the footer')
    if (part !== undefined && to !== undefined) renameSync(part, to)
    const where = to === undefined ? '' : ` to ${to}`
    stderr.write(`Done: exported ${footer.lines() - 2} records of ${JSON.stringify(user)}${where}.\n`)
    return 0
  } catch (error) {
    if (part !== undefined) rmSync(part, { force: true })
    throw new CliError(`The export of ${JSON.stringify(user)} is incomplete: ${(error as Error).message}`)
  }
}

/** Passes the stream through unchanged and checks that its last line is a footer. */
function watchForFooter() {
  let tail = ''
  let lines = 0
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      for (const byte of chunk) if (byte === 0x0a) lines += 1
      tail = (tail + chunk.subarray(-TAIL_BYTES).toString('latin1')).slice(-TAIL_BYTES)
      done(null, chunk)
    },
  })
  const isComplete = () => /(?:^|\n)\{"kind":"footer",[^\n]*\}\n$/.test(tail)
  return { stream, lines: () => lines, isComplete }
}

if (import.meta.main) await runCommand(exportCommand)
