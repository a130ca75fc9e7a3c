import fc from 'fast-check'
import { expect, it } from 'vitest'
import { sha256Of } from '../../../sidecar/http/access/api-keys.ts'
import { testApp } from '../../helpers/test-app.ts'

/** Namespaces and user ids that would be the same scope if they were joined without encoding. */
const TENANTS = ['acme', 'acme/ada'] as const
const USERS = ['ada', 'ada/', '*', '%', 'acme/ada', '../acme']
const WORD = { acme: 'quartzfalcon', 'acme/ada': 'velvetotter' }

const FILTERS = [
  { user_id: 'ada' },
  { OR: [{ user_id: '*' }, { 'metadata.secret': { exists: true } }] },
  { NOT: { 'metadata.secret': { eq: 'nothing' } } },
  { 'metadata.secret': { contains: 'o' } },
]

const step = fc.record({
  tenant: fc.constantFrom(...TENANTS),
  user_id: fc.constantFrom(...USERS),
  filters: fc.constantFrom(...FILTERS),
  what: fc.constantFrom('add', 'add', 'recall', 'search', 'list', 'profile', 'export', 'set', 'get', 'users'),
})

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

it('shows nothing of another key, for interleaved requests with adversarial user ids and filters', async () => {
  const apiKeys = TENANTS.map((namespace) => ({ namespace, sha256: sha256Of(`the-key-of-${namespace}`) }))
  const { fetch } = testApp({ apiKeys })
  let added = 0
  const send = async ({ tenant, user_id, filters, what }: Step) => {
    const request = (method: string, path: string, body?: object) =>
      fetch(path, {
        method,
        headers: { authorization: `Bearer the-key-of-${tenant}`, 'content-type': 'application/json' },
        ...(body && { body: JSON.stringify(body) }),
      })
    const query = `user_id=${encodeURIComponent(user_id)}`
    const word = WORD[tenant]
    switch (what) {
      case 'add': {
        added += 1
        const messages = [{ role: 'user', content: `My ${word} number ${added} is called Otto.` }]
        return request('POST', '/v1/memories', {
          user_id,
          messages,
          metadata: { secret: word, user_id: '*' },
        })
      }
      case 'recall':
        return request('POST', '/v1/recall', { user_id, query: 'What is called Otto?', filters })
      case 'search':
        return request('POST', '/v1/memories/search', { user_id, query: 'Otto', filters })
      case 'list':
        return request('GET', `/v1/memories?${query}`)
      case 'profile':
        return request('GET', `/v1/profile?${query}`)
      case 'export':
        return request('GET', `/v1/export?${query}`)
      case 'set':
        return request('PUT', '/v1/cache/shared', { value: word })
      case 'get':
        return request('GET', '/v1/cache/shared')
      default:
        return request('GET', '/v1/users')
    }
  }
  let own = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 50, maxLength: 50 }), async (steps) => {
      const answers = await Promise.all(
        steps.map(async (one) => ({ tenant: one.tenant, text: await (await send(one)).text() })),
      )
      for (const { tenant, text } of answers) {
        const [other] = TENANTS.filter((name) => name !== tenant)
        if (text.includes(WORD[tenant])) own += 1
        expect(text).not.toContain(WORD[other as keyof typeof WORD])
      }
    }),
    { numRuns: 6 },
  )
  expect(own).toBeGreaterThan(50)
})
