import { spawnSync } from 'node:child_process'
import { cpus } from 'node:os'

/** The commit of this checkout. */
export function commit(): string {
  const git = (...args: string[]) => spawnSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8' })
  const { status, stdout } = git('rev-parse', '--short', 'HEAD')
  if (status !== 0) return 'unknown (not a git checkout)'
  const isModified = git('status', '--porcelain', '--untracked-files=no').stdout !== ''
  return `${stdout.trim()}${isModified ? ' with local changes' : ''}`
}

export function machine(): string {
  return `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown CPU'}, Node ${process.version}`
}
