import { describe, expect, it, vi } from 'vitest'
import { said, testApp } from '../../../helpers/test-app.ts'

const ARMS = [
  { name: 'cached', strategy: 'cached', weight: 1000 },
  { name: 'small', strategy: 'cached', token_budget: 300, weight: 0.001 },
  { name: 'delta', strategy: 'cached_delta', weight: 0.001 },
  { name: 'per_query', strategy: 'per_query', weight: 0.001 },
]
const FACTS = [
  'I live in Kyoto.',
  'I am allergic to peanuts.',
  'My dog is called Momo.',
  'I work at a bakery.',
]

/** Answers of a conversation, and its timeline. */
async function talk(shadow_share: number) {
  const app = testApp()
  await app.call('POST', '/v1/experiments', { name: 'e', arms: ARMS, shadow_share })
  const answers: unknown[] = []
  for (let turn = 1; turn <= 12; turn++) {
    app.clock.advance(1000)
    const request = { user_id: 'ada', conversation_id: 'c', turn, window_size: 3 }
    const { body } = await app.call('POST', '/v1/recall', {
      ...request,
      query: turn % 2 === 0 ? 'Where does Ada live?' : 'What is the dog called?',
      experiment: 'e',
    })
    const { took_ms: _, ...answer } = body
    answers.push(JSON.parse(JSON.stringify(answer), (key, value) => (key === 'id' ? undefined : value)))
    if (shadow_share > 0) await vi.waitFor(async () => expect(await shadows(app)).toBe(3 * turn), 20_000)
    await app.call('POST', '/v1/memories', said(FACTS[turn % 4] as string, request))
  }
  const { body } = await app.call('GET', '/v1/conversations/c/timeline?user_id=ada')
  const rows = JSON.parse(JSON.stringify(body), (key, value) => (key === 'took_ms' ? undefined : value))
  return { app, answers, rows }
}

async function shadows({ call }: Pick<ReturnType<typeof testApp>, 'call'>): Promise<number> {
  const { body } = await call('GET', '/v1/experiments/e/report')
  const own = body.arms.find(({ name }: { name: string }) => name === 'cached')
  return own.shadow.reduce((sum: number, { turns }: { turns: number }) => sum + turns, 0)
}

describe('shadow mode', () => {
  it('changes neither the answers of a conversation nor its timeline, and compares every other arm', async () => {
    const [plain, shadowed] = [await talk(0), await talk(1)]
    expect(shadowed.answers).toEqual(plain.answers)
    expect(shadowed.rows).toEqual(plain.rows)
    const { body } = await shadowed.app.call('GET', '/v1/experiments/e/report')
    expect(body.turns).toBe(12)
    const [cached] = body.arms
    const turnsByArm = cached.shadow.map(({ arm, turns }: { arm: string; turns: number }) => [arm, turns])
    expect(new Map(turnsByArm)).toEqual(
      new Map([
        ['small', 12],
        ['delta', 12],
        ['per_query', 12],
      ]),
    )
    expect(cached.overlap_by_age.length).toBeGreaterThan(1)
  }, 60_000)
})
