import { onTestFinished } from 'vitest'
import { createReplayEngines } from '../../sidecar/app/replay-engine.ts'
import type { ReplayEngines } from '../../sidecar/experiments/replay/engine.ts'
import { DEFAULT_OPTIONS, type ReplayOptions } from '../../sidecar/experiments/replay/options.ts'
import { type ReplayRun, replay } from '../../sidecar/experiments/replay/replay.ts'
import { addTurn } from '../../sidecar/learning/intake/add-turn.ts'
import { type TestApp, testApp } from './test-app.ts'

export const ADA = { namespace: 'default', userId: 'ada' }

/** An app whose stored turns can be replayed. */
export function replayApp(app: TestApp = testApp(), shared?: ReplayEngines) {
  const { engine, records, ruleBook } = app.services
  const engines = shared ?? createReplayEngines({ ruleBook, learns: false })
  if (!shared) onTestFinished(() => engines[Symbol.asyncDispose]())
  return {
    ...app,
    records,
    engines,
    /** Stores a turn one second after the one before; without an answer, only the user spoke. */
    async say(
      turn: number,
      user: string,
      assistant?: string,
      {
        userId = 'ada',
        conversationId = 'c-1',
        appId,
      }: { [K in 'userId' | 'conversationId' | 'appId']?: string } = {},
    ) {
      app.clock.advance(1000)
      const messages = [
        { role: 'user' as const, content: user },
        ...(assistant === undefined ? [] : [{ role: 'assistant' as const, content: assistant }]),
      ]
      return await addTurn(engine, { ...ADA, userId }, { messages, conversationId, turn, appId })
    },
    replay: async (options: Partial<ReplayOptions> = {}, run: Partial<ReplayRun> = {}) =>
      await replay({ ...DEFAULT_OPTIONS, windows: [3], ...options }, { source: records, engines, ...run }),
  }
}
