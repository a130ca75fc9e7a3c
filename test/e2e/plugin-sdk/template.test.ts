import { spawnSync } from 'node:child_process'
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { invokeTool } from '../../helpers/plugin-sdk/fake-daemon/requests.ts'
import { nodeOutput } from '../../helpers/plugin-sdk/fake-daemon/tool-output.ts'
import { readPackage } from '../../helpers/plugin-sdk/packager/read-package.ts'
import { tempDir } from '../../helpers/temp-dir.ts'
import { startStdioDaemon } from './fake-daemon/stdio-daemon.ts'

const template = fileURLToPath(new URL('../../../examples/plugin-template', import.meta.url))

it('the template for plugin authors is packed, and its package answers over stdio', async () => {
  const folder = tempDir()
  const { stdout, stderr } = spawnSync(process.execPath, [join(template, 'pack.ts'), folder], {
    encoding: 'utf8',
  })
  expect(stderr).toBe('')
  const unpacked = join(folder, 'plugin')
  for (const { path, content } of (await readPackage(stdout.trim())).entries) {
    await mkdir(dirname(join(unpacked, path)), { recursive: true })
    await writeFile(join(unpacked, path), content)
  }
  expect(await readFile(join(unpacked, 'main.py'), 'utf8')).toContain('plugin.mjs')

  await using daemon = await startStdioDaemon([join(unpacked, 'plugin.mjs')])
  const ask = async (date: string) =>
    nodeOutput(
      await daemon.invoke(invokeTool('weekday', { date }, { provider: 'calendar', credentials: {} })),
    )
  expect(await ask('2026-03-01')).toMatchObject({
    text: '2026-03-01 is a Sunday.',
    variables: { status: 'ok', weekday: 'Sunday', error: '' },
  })
  expect((await ask('soon')).variables).toEqual({
    status: 'error',
    weekday: '',
    error: 'date: expected a date such as 2026-03-01, got soon',
  })
  daemon.endInput()
  expect(await daemon.exit).toEqual({ code: 0, signal: null })
})

it('the template runs from a copy of its folder without a build', async () => {
  const copy = join(tempDir(), 'my-plugin')
  await cp(template, copy, { recursive: true })
  await mkdir(join(copy, 'node_modules/@dify'), { recursive: true })
  await symlink(join(template, '../../plugin-sdk'), join(copy, 'node_modules/@dify/plugin-sdk-ts'))
  await using daemon = await startStdioDaemon([join(copy, 'main.ts')])
  const asked = invokeTool('weekday', { date: '2026-11-30' }, { provider: 'calendar', credentials: {} })
  expect(nodeOutput(await daemon.invoke(asked)).variables).toMatchObject({ weekday: 'Monday' })
})
