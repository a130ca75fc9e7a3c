import { describe, expect, it } from 'vitest'
import { noLanguageModel } from '../../../sidecar/adapters/in-process/no-language-model.ts'
import { ModelUnavailable } from '../../../sidecar/ports/language-model.ts'
import { testContract } from '../../contract/contract.ts'
import { MODEL_CASES, requestOf } from '../../contract/language-model.ts'
import { openModelSubject } from '../../helpers/scripted-openai/model-subject.ts'

testContract('the OpenAI language model', MODEL_CASES, () => openModelSubject())

// It cannot satisfy any other case of the contract.
describe('no language model', () => {
  it('rejects every request with ModelUnavailable', async () => {
    const failure = await noLanguageModel()
      .complete(requestOf())
      .catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(ModelUnavailable)
    expect(failure).toMatchObject({ reason: 'unreachable', message: expect.stringContaining('configured') })
  })

  it('rejects with the reason of an aborted signal', async () => {
    const signal = AbortSignal.abort(new Error('gone'))
    await expect(noLanguageModel().complete(requestOf({ signal }))).rejects.toThrow('gone')
  })
})
