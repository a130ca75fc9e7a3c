/*
 * npm run export -- --user ID [--to FILE] [--url http://127.0.0.1:8484] [--key KEY]
 *
 * Writes everything that a running sidecar keeps of a user, as lines of JSON, to a file or to stdout. The file is there
 * when it is whole, and not before. `npm run import -- --from FILE` puts it back.
 */
import { createWriteStream, renameSync, rmSync } from 'node:fs'
import { Transform, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { CannotGoOn, createClient } from './client.ts'
import { targetOf } from './target.ts'

/** Longest export, milliseconds. */
const DEADLINE_MS = 3_600_000

/** More bytes than a footer has. */
const TAIL = 4096

try {
  await main()
} catch (error) {
  if (!(error instanceof CannotGoOn)) throw error
  console.error(error.message)
  process.exitCode = 1
}

async function main(): Promise<void> {
  const { user, to, url, key } = readArguments()
  // biome-ignore lint/style/noProcessEnv: the entry of a command, as main.ts is
  const client = createClient({ ...targetOf({ url, key }, process.env), deadlineMs: DEADLINE_MS })
  await client.greet()
  const body = await client.stream(`/v1/export?user_id=${encodeURIComponent(user)}`)
  const part = to === undefined ? undefined : `${to}.part`
  const out: Writable = part === undefined ? process.stdout : createWriteStream(part)
  try {
    const ending = keepEnding()
    await pipeline(body, ending.stream, out, { end: part !== undefined })
    if (!ending.isWhole()) throw new Error('it ended before its footer')
    if (part !== undefined && to !== undefined) renameSync(part, to)
    console.error(
      `Done: ${ending.lines() - 2} records of ${JSON.stringify(user)}${to === undefined ? '' : ` in ${to}`}.`,
    )
  } catch (error) {
    if (part !== undefined) rmSync(part, { force: true })
    throw new CannotGoOn(`The export of ${JSON.stringify(user)} is not whole: ${(error as Error).message}`)
  }
}

/** Lets everything through, and knows how it ended: a footer is the one line that begins like this. */
function keepEnding() {
  let last = ''
  let lines = 0
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      for (const byte of chunk) if (byte === 0x0a) lines += 1
      last = (last + chunk.subarray(-TAIL).toString('latin1')).slice(-TAIL)
      done(null, chunk)
    },
  })
  return { stream, lines: () => lines, isWhole: () => /(?:^|\n)\{"kind":"footer",[^\n]*\}\n$/.test(last) }
}

function readArguments() {
  try {
    const { values } = parseArgs({
      options: {
        user: { type: 'string' },
        to: { type: 'string' },
        url: { type: 'string' },
        key: { type: 'string' },
      },
    })
    if (values.user === undefined) throw new CannotGoOn('--user: expected whose memory to export')
    return { ...values, user: values.user }
  } catch (error) {
    throw error instanceof CannotGoOn ? error : new CannotGoOn((error as Error).message)
  }
}
