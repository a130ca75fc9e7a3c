import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/setup.ts'],
    // Many tests wait for processes of their own: on two cores, one file at a time would leave one of them idle.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    restoreMocks: true,
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
})
