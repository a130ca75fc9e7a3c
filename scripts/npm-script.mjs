/*
 * Loaded before the commands of package.json. Prints the comment at the head of a command for --help, and stops the
 * process when its parent has ended: npm passes SIGTERM to its shell only, which ends and leaves what it runs behind.
 * Processes that a command starts load this too, and stop with it.
 */
import { readFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'

const POLL_MS = 250

if (isMainThread) {
  const [, file, ...options] = process.argv
  const usage = options.includes('--help') && /^\/\*\n([\s\S]*?)\n \*\//.exec(readFileSync(file, 'utf8'))?.[1]
  if (usage) {
    console.log(usage.replace(/^ \* ?/gm, ''))
    process.exit(0)
  }
  const parent = process.ppid
  const load = `--import=${import.meta.url}`
  const inherited = process.env.NODE_OPTIONS ?? ''
  if (!inherited.includes(load)) process.env.NODE_OPTIONS = `${inherited} ${load}`.trim()
  setInterval(() => {
    if (process.ppid === parent) return
    if (process.listenerCount('SIGTERM') > 0) process.kill(process.pid, 'SIGTERM')
    // Listeners of `exit` stop the processes that are not Node, and delete temporary folders.
    else process.exit(143)
  }, POLL_MS).unref()
}
