import { describe, expect, it } from 'vitest'
import { extract } from '../../../../sidecar/learning/extraction/extract.ts'
import { CORPUS } from '../../../helpers/learning/extraction/corpus/corpus.ts'
import { batchOf } from '../../../helpers/learning/extraction/corpus/talk.ts'
import { modelSaying } from './fake-model.ts'

describe('malformed answers of weak models', () => {
  for (const { kind, form, talk, raw, finish, expect: wanted } of CORPUS) {
    it(`${kind}: ${form} (${talk.language})`, async () => {
      const model = modelSaying({ text: raw, finish })

      const outcome = await extract(batchOf(talk), { model, account: { scope: 'test/ana' } })

      if ('facts' in wanted)
        expect(outcome).toMatchObject({ status: 'read', extraction: { facts: wanted.facts } })
      else expect(outcome).toMatchObject({ status: 'unreadable', reason: wanted.unreadable })
    })
  }

  it('has more than two hundred distinct cases', () => {
    expect(new Set(CORPUS.map(({ raw, finish }) => `${finish} ${raw}`)).size).toBeGreaterThan(200)
  })
})
