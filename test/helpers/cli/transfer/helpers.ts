import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { catchUpCommand } from '../../../../sidecar/cli/catch-up.ts'
import { exportCommand } from '../../../../sidecar/cli/export.ts'
import { importCommand } from '../../../../sidecar/cli/import.ts'
import { outcomesCommand } from '../../../../sidecar/cli/outcomes.ts'
import type { Entry, Source } from '../../../../sidecar/cli/transfer/input/entry.ts'
import { runCommand, spawnCommand } from '../../command.ts'
import { openSidecar } from '../../sidecar.ts'
import { tempDir } from '../../temp-dir.ts'

export const fixture = (name: string) => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url))

/** A copy of a fixture in a temporary directory. */
export function copyOf(name: string): string {
  const path = join(tempDir(), name)
  copyFileSync(fixture(name), path)
  return path
}

export interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
  out: string
  err: string
}

/** Starts a command in a process of its own, with exactly this environment. It is killed when the test ends. */
export function start(
  command: keyof typeof COMMANDS,
  args: readonly string[],
  env: Record<string, string> = {},
): { child: ChildProcess; ended: Promise<Ended>; err: () => string } {
  const child = spawnCommand(`../cli/${command}`, env, ...args)
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text
  })
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, out, err }))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return { child, ended, err: () => err }
}

const COMMANDS = {
  import: importCommand,
  export: exportCommand,
  outcomes: outcomesCommand,
  'catch-up': catchUpCommand,
}

/** Runs a command in the process of the test. */
export async function run(
  command: keyof typeof COMMANDS,
  args: readonly string[],
  env: Record<string, string> = {},
) {
  return await runCommand(COMMANDS[command], env, ...args)
}

/** A sidecar with an empty data folder. */
export async function sidecarFor(env: Record<string, string> = {}) {
  return await openSidecar({ DATA_DIR: tempDir(), ...env })
}

export async function get(url: string, init?: RequestInit) {
  const response = await fetch(url, init)
  // biome-ignore lint/suspicious/noExplicitAny: a response body that the test examines
  return (await response.json()) as any
}

export interface Listed {
  id: string
  memory: string
  kind: string
  conversation_id: string | null
  turn: number | null
  at: string
  metadata: Record<string, unknown>
}

export async function list(url: string, user: string, query = ''): Promise<Listed[]> {
  const { memories } = await get(`${url}/v1/memories?user_id=${user}&limit=500&order=oldest${query}`)
  return memories
}

/** All entries that a reader yields. */
export async function readAll(
  reader: (source: Source) => AsyncIterable<Entry>,
  path: string,
  date = '2026-04-01T00:00:00.000Z',
): Promise<Entry[]> {
  return await Array.fromAsync(reader({ path, name: basename(path), date, onBytes: () => {} }))
}

/** Writes a temporary file. */
export function file(name: string, text: string): string {
  const path = join(tempDir(), name)
  writeFileSync(path, text)
  return path
}

/** The request body of each entry. */
export const bodies = (entries: readonly Entry[]) =>
  entries.map((entry) => ('body' in entry ? entry.body : entry))

/** Turns as `[user, conversation, turn, contents]`. */
export function turns(entries: readonly Entry[]) {
  return entries.map((entry) =>
    entry.kind === 'turn'
      ? [
          entry.userId,
          entry.body.conversation_id,
          entry.body.turn,
          entry.body.messages.map(({ content }) => content),
        ]
      : entry,
  )
}
