/*
 * Preloaded into the sidecar. Writes the longest run of its event loop in CPU time, milliseconds, to the file LOOP_CPU_FILE
 * every 100 ms; the file `<name>.reset` starts anew. CPU time, because a busy machine makes every wait longer.
 */
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'

const path = process.env.LOOP_CPU_FILE

const cpuMs = () => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

if (isMainThread && path && process.argv[1]?.endsWith('main.ts')) {
  let last = cpuMs()
  let worst = 0
  setInterval(() => {
    const now = cpuMs()
    worst = Math.max(worst, now - last)
    last = now
  }, 1)
  setInterval(() => {
    if (existsSync(`${path}.reset`)) {
      rmSync(`${path}.reset`)
      worst = 0
    }
    writeFileSync(path, String(worst))
    last = cpuMs()
  }, 100)
}
