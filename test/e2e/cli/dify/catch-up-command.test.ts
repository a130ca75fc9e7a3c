import { expect, it } from 'vitest'
import { APP_KEY, startFakeDify } from '../../../helpers/cli/dify/fake-dify.ts'
import { run } from '../../../helpers/cli/transfer/helpers.ts'
import { openSidecar } from '../../../helpers/sidecar.ts'
import { tempDir } from '../../../helpers/temp-dir.ts'

it('npm run catch-up adds the turns of a conversation and does not print the key', async () => {
  const dify = await startFakeDify()
  dify.add('c1', 'ada', [null, null], { isListed: false })
  const { url, call } = await openSidecar({ DATA_DIR: tempDir() })
  const { code, out, err } = await run(
    'catch-up',
    ['--dify', dify.url, '--url', url, '--user', 'ada', '--conversation', 'c1', '--app', 'app-1'],
    { DIFY_APP_KEY: APP_KEY },
  )
  expect([code, out]).toEqual([0, 'Done. Users: 1, conversations: 1; turns added: 2, already present: 0.\n'])
  expect(err).toContain('100 %')
  expect(err).not.toContain(APP_KEY)
  const { body } = await call('GET', '/v1/conversations?user_id=ada')
  expect(body.conversations).toMatchObject([{ conversation_id: 'c1', last_turn: 2 }])
}, 120_000)
