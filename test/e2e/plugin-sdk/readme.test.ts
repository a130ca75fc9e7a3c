import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import * as sdk from '../../../plugin-sdk/index.ts'
import { invokeTool, validateCredentials } from '../../helpers/plugin-sdk/fake-daemon/requests.ts'
import { nodeOutput } from '../../helpers/plugin-sdk/fake-daemon/tool-output.ts'
import { EchoTool } from '../../helpers/plugin-sdk/fixture-plugin/tools.ts'
import { startStdioDaemon } from './fake-daemon/stdio-daemon.ts'

const sdkRoot = new URL('../../../plugin-sdk/', import.meta.url).pathname

describe('the README of the SDK', () => {
  it('contains a complete plugin that works', async () => {
    const readme = await readFile(join(sdkRoot, 'README.md'), 'utf8')
    const files = [...readme.matchAll(/^`([\w./]+)`\n\n```\w+\n([\s\S]*?)^```/gm)]
    expect(files.map(([, name]) => name)).toContain('main.ts')
    const root = await mkdtemp(join(tmpdir(), 'readme-'))
    try {
      for (const [, name = '', content = ''] of files) {
        await mkdir(dirname(join(root, name)), { recursive: true })
        await writeFile(join(root, name), content)
      }
      await mkdir(join(root, 'node_modules/@dify'), { recursive: true })
      await symlink(sdkRoot, join(root, 'node_modules/@dify/plugin-sdk-ts'))
      await using daemon = await startStdioDaemon([join(root, 'main.ts')])
      const asked = invokeTool('shout', { text: 'hello', times: '2' }, { provider: 'shout' })
      const result = await daemon.invoke(asked)
      expect(nodeOutput(result)).toMatchObject({
        text: 'HELLO! HELLO!',
        variables: { shouted: 'HELLO! HELLO!' },
      })
      const rejected = validateCredentials({ api_key: 'now' })
      const { error } = await daemon.invoke({
        ...rejected,
        data: { ...(rejected['data'] as object), provider: 'shout' },
      })
      expect(error?.message).toBe('api_key: expected the magic word')
    } finally {
      await rm(root, { recursive: true })
    }
  })

  it('names only existing exports and methods', async () => {
    const readme = await readFile(join(sdkRoot, 'README.md'), 'utf8')
    const functions = [...readme.matchAll(/`(?:yield\* )?(\w+Messages?)`/g)].map(([, name = '']) => name)
    expect(functions.length).toBeGreaterThan(15)
    const tool = new EchoTool({} as sdk.ToolContext)
    const known = (name: string) => name in sdk || name in tool
    expect(functions.filter((name) => !known(name))).toEqual([])
  })
})
