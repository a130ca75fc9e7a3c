import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { NEEDS, NO_REDIS } from '../helpers/redis-server.ts'

const TORTURE = fileURLToPath(new URL('../../bench/torture/torture.ts', import.meta.url))

describe.skipIf(NO_REDIS)(`npm run torture ${NEEDS}`, { timeout: 300_000 }, () => {
  it('remembers each acknowledged turn once, whichever backend is slow, down or half-answering, and after kill -9', async () => {
    const args = ['--seconds', '4', '--rate', '20', '--users', '4', '--seed', '7', '--kills', '1']
    const child = spawn(process.execPath, [TORTURE, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    onTestFinished(() => void child.kill('SIGTERM'))
    const [out, err, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ])
    expect({ code, err }, out).toEqual({ code: 0, err: '' })
    expect(out).toMatch(/^check: [1-9]\d* of \d+ turns were acknowledged, and each is remembered once/m)
  })
})
