import { describe, expect, it } from 'vitest'
import { runProcess } from '../helpers/command.ts'
import { tempDir } from '../helpers/temp-dir.ts'

// What each command does is tested in the process of the test. Here each one is started as npm starts it.
// One after the other: `onTestFinished` of the helpers belongs to the wrong test when tests of a file run at once.
describe('a command that gets an unknown option', () => {
  it.each([
    ...['backup/backup', 'backup/restore', 'migrate', 'reembed', 'replay'],
    ...['../cli/catch-up', '../cli/export', '../cli/import', '../cli/outcomes'],
  ])('%s exits with 1 and names the option', async (name) => {
    const { code, out, err } = await runProcess(name, { DATA_DIR: tempDir() }, '--colour', 'red')
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toContain("Unknown option '--colour'")
  })
})
