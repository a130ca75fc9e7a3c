import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it, onTestFinished } from 'vitest'
import { sha256Of } from '../../../sidecar/http/access/api-keys.ts'
import { testApp } from '../../helpers/test-app.ts'

/*
 * The official Python client. Its package brings 200 MB of dependencies, so nothing installs it for this test:
 *   python3 -m venv /tmp/mem0 && /tmp/mem0/bin/pip install mem0ai
 *   MEM0_PYTHON=/tmp/mem0/bin/python npx vitest run test/e2e/mem0
 */
const python = process.env['MEM0_PYTHON'] || 'python3'
const find = 'import importlib.util, sys; sys.exit(importlib.util.find_spec("mem0") is None)'
const isInstalled = spawnSync(python, ['-c', find]).status === 0
if (!isInstalled) console.warn(`pypi-client: skipped: ${python} has no package mem0ai; set MEM0_PYTHON`)

const KEY = 'the-key-of-the-python-client'

const SCRIPT = `
import asyncio, json, os
from mem0 import AsyncMemoryClient, MemoryClient
from mem0.client.types import AddMemoryOptions
from mem0.exceptions import AuthenticationError, MemoryNotFoundError, ValidationError

host, key = os.environ['HOST'], os.environ['KEY']
client = MemoryClient(api_key=key, host=host)
ada = {'user_id': 'ada'}
out = {}

added = client.add('I am allergic to peanuts.', user_id='ada', metadata={'channel': 'web'})
out['added'] = [added['status'], [one['memory'] for one in added['results']]]
client.add([{'role': 'user', 'content': 'My sister lives in Lisbon.'}], options=AddMemoryOptions(filters=ada))
found = client.search('Any allergies?', filters={'AND': [ada, {'metadata': {'channel': 'web'}}]}, top_k=3)
out['found'] = [[one['memory'], one['user_id'], one['metadata']] for one in found['results']]
page = client.get_all(filters=ada, page=1, page_size=1)
out['page'] = [page['count'], len(page['results']), page['next'] is not None]
id = found['results'][0]['id']
out['updated'] = client.update(id, text='Allergic to nuts.')['text']
out['got'] = client.get(id)['memory']
out['history'] = [one['event'] for one in client.history(id)]
out['users'] = [[one['type'], one['name']] for one in client.users()['results']]
out['deleted'] = client.delete(id)['message']
try:
    client.get(id)
except MemoryNotFoundError as error:
    out['not_found'] = str(error)
try:
    client.search('tea', filters={})
except ValidationError as error:
    out['invalid'] = str(error)
try:
    MemoryClient(api_key='another-key-of-the-client', host=host)
except ValueError as error:
    out['wrong_key'] = str(error)
client.batch_delete([{'memory_id': one['id']} for one in client.get_all(filters=ada)['results']])
out['left'] = client.get_all(filters=ada)['count']

async def more():
    client = AsyncMemoryClient(api_key=key, host=host)
    await client.add('I keep bees.', user_id='ben')
    found = await client.search('bees', filters={'user_id': 'ben'})
    await client.delete_all(user_id='ben')
    return [found['results'][0]['memory'], (await client.get_all(filters={'user_id': 'ben'}))['count']]

out['asynchronous'] = asyncio.run(more())
client.add('I like tea.', user_id='ada')
client.reset()
out['after_reset'] = client.users()['count']
print(json.dumps(out))
`

it.skipIf(!isInstalled)('answers every call of the Python client (MEM0_PYTHON)', async () => {
  const { listen } = testApp({ apiKeys: [{ namespace: 'one', sha256: sha256Of(KEY) }] })
  const folder = mkdtempSync(join(tmpdir(), 'mem0-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const { stdout } = await promisify(execFile)(python, ['-c', SCRIPT], {
    env: {
      ...process.env,
      HOST: `${await listen()}/mem0`,
      KEY,
      MEM0_TELEMETRY: 'False',
      // Where the package writes its configuration.
      MEM0_DIR: folder,
    },
  })
  expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toEqual({
    added: ['SUCCEEDED', ['I am allergic to peanuts.']],
    found: [['I am allergic to peanuts.', 'ada', { channel: 'web' }]],
    page: [2, 1, true],
    updated: 'Allergic to nuts.',
    got: 'Allergic to nuts.',
    history: ['ADD', 'UPDATE'],
    users: [['user', 'ada']],
    deleted: 'Memory deleted successfully!',
    not_found: expect.stringContaining('no memory'),
    invalid: expect.stringContaining('filters: expected one of user_id, agent_id, run_id, app_id'),
    wrong_key: 'Error: Authorization: unknown API key',
    left: 0,
    asynchronous: ['I keep bees.', 0],
    after_reset: 0,
  })
})
