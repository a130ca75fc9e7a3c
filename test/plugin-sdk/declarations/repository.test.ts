import { readdir } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { formatIssue, inspectPlugin } from '../../../plugin-sdk/declarations/index.ts'

const root = new URL('../../../', import.meta.url)

describe("this repository's plugin", () => {
  it('is declared without errors and without warnings', async () => {
    const { declaration, errors, warnings } = await inspectPlugin(root)
    expect([...errors, ...warnings].map(formatIssue)).toEqual([])
    expect(declaration?.provider.tools.length).toBeGreaterThan(0)
  })

  it('names every file in tools/ that looks like a tool', async () => {
    const { files } = await inspectPlugin(root)
    const present = (await readdir(new URL('tools/', root))).filter((name) => name.endsWith('.yaml'))
    expect(files.filter((file) => file.startsWith('tools/')).sort()).toEqual(
      present.map((name) => `tools/${name}`).sort(),
    )
  })
})
