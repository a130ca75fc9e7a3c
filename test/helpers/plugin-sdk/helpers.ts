import { createServer } from 'node:net'
import { Plugin, type PluginLoadOptions } from '../../../plugin-sdk/index.ts'
import type { Timers } from '../../../plugin-sdk/timers.ts'
import { FixtureProvider } from './fixture-plugin/provider.ts'
import { EchoTool, fail, produce, wait } from './fixture-plugin/tools.ts'

const fixtureRoot = new URL('./fixture-plugin/', import.meta.url)
export const fixtureMain = new URL('./fixture-plugin/main.ts', import.meta.url).pathname

/** The fixture plugin inside the test's own process. */
export function loadFixture(options: Partial<PluginLoadOptions> = {}): Promise<Plugin> {
  const tools = { echo: EchoTool, produce, fail, wait }
  return Plugin.load({ root: fixtureRoot, provider: FixtureProvider, tools, report: () => {}, ...options })
}

export interface ManualTimers extends Timers {
  /** Advances the clock and runs due timers in order. */
  advance(ms: number): void
  /** Number of pending timers. */
  readonly pending: number
}

export function createManualTimers(): ManualTimers {
  let now = 0
  let jobs: { at: number; everyMs: number | null; run: () => void }[] = []
  const add = (ms: number, everyMs: number | null, run: () => void) => {
    const job = { at: now + ms, everyMs, run }
    jobs.push(job)
    return () => {
      jobs = jobs.filter((other) => other !== job)
    }
  }
  return {
    after: (ms, run) => add(ms, null, run),
    every: (ms, run) => add(ms, ms, run),
    get pending() {
      return jobs.length
    },
    advance(ms) {
      const until = now + ms
      for (;;) {
        const [next] = jobs.filter((job) => job.at <= until).sort((a, b) => a.at - b.at)
        if (!next) break
        now = next.at
        if (next.everyMs === null) jobs = jobs.filter((job) => job !== next)
        else next.at += next.everyMs
        next.run()
      }
      now = until
    },
  }
}

/** Resolves when `condition` holds; the test timeout is its limit. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}

/** An unused port. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
