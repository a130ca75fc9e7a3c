import { describe, expect, it } from 'vitest'
import { type Invocation, runNode, useStub } from '../../helpers/tools/run-tool.ts'
import { json } from '../../helpers/tools/stub-sidecar.ts'

const DONE = { status: 'ok', attributed: [{ experiment: 'cached-or-not', arm: 'cached' }], reason: null }

const stub = await useStub(json(200, DONE))
const record = (parameters: Record<string, unknown>, more: Invocation = {}) =>
  runNode(stub, 'record_outcome', parameters, more)

describe('record_outcome', () => {
  it('sends the outcome of the turn, and fills every output', async () => {
    const { variables, json, text } = await record({
      ...{
        outcome: 'solved',
        value: true,
        user_id: 'u1',
        conversation_id: 'c1',
        turn: '3',
        outcome_id: 't-9',
      },
    })
    expect(stub.calls[0]).toMatchObject({ method: 'POST', path: '/v1/outcomes' })
    expect(stub.calls[0]?.body).toEqual({
      ...{ name: 'solved', value: 'true', user_id: 'u1', conversation_id: 'c1', turn: 3, id: 't-9' },
    })
    const outputs = {
      status: 'recorded',
      experiments: 1,
      arm: 'cached',
      reason: '',
      user_id: 'u1',
      error: '',
    }
    expect(variables).toEqual(outputs)
    expect(json[0]).toMatchObject({ attributed: DONE.attributed })
    expect(text).toBe('The outcome was recorded for 1 experiment.')
  })

  it('records a thumb for the conversation of the run by default', async () => {
    await record({ value: 'dislike', user_id: 'u1' }, { conversationId: 'c-run' })
    expect(stub.calls[0]?.body).toEqual({
      ...{ name: 'thumbs', value: 'dislike', user_id: 'u1', conversation_id: 'c-run' },
    })
  })

  it('counts a turn that Dify could not resolve as absent', async () => {
    const { variables } = await record({ value: 1, user_id: 'u1', turn: 'sys.dialogue_count' })
    expect(variables).toMatchObject({ status: 'recorded', error: '' })
    expect(stub.calls[0]?.body).not.toHaveProperty('turn')
  })

  it('does not call the sidecar for an empty value', async () => {
    const { variables } = await record({ value: ' ', user_id: 'u1' })
    expect(variables).toMatchObject({ status: 'skipped', error: '' })
    expect(stub.calls).toHaveLength(0)
  })

  it('says that no experiment got the outcome', async () => {
    stub.script = json(200, { status: 'ok', attributed: [], reason: 'no_unit' })
    const { variables, text } = await record({ value: 0.5, user_id: 'u1', conversation_id: 'c1' })
    expect(variables).toMatchObject({ status: 'no_experiment', experiments: 0, arm: '', reason: 'no_unit' })
    expect(text).toMatch(/^No experiment/)
  })
})
