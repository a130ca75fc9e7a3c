import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

/** Each project is one folder of `test/`; the scripts `test:unit`, `test:property` and `test:e2e` select them by name. */
const KINDS = ['unit', 'contract', 'property', 'e2e']

export default defineConfig({
  test: {
    setupFiles: ['test/setup.ts'],
    // End-to-end tests mostly wait for other processes: with as many workers as cores, a third of the time is idle.
    maxWorkers: availableParallelism() + 1,
    // The files share the loaded modules of their worker, which saves two thirds of the CPU time of in-process tests and a
    // third of that of end-to-end tests.
    isolate: false,
    restoreMocks: true,
    // Compiling is half of the CPU time of a short command: the processes that tests start share the compiled modules.
    env: { NODE_COMPILE_CACHE: join(tmpdir(), 'hippocache-compiled') },
    // Generous, so that a busy machine fails no test.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 60_000 } },
    projects: KINDS.map((name) => ({
      extends: true as const,
      test: {
        name,
        include: [`test/${name}/**/*.test.ts`],
      },
    })),
  },
})
