import { describe, expect, it } from 'vitest'
import {
  type CompletionRequest,
  type LanguageModel,
  ModelUnavailable,
} from '../../../sidecar/ports/language-model.ts'
import { caseNamed, failedCases, type Open, tryCase } from '../../contract/contract.ts'
import { MODEL_CASES, type ModelSubject } from '../../contract/language-model.ts'
import { openModelSubject } from '../../helpers/scripted-openai/model-subject.ts'

type Complete = LanguageModel['complete']
type Sabotage = (honest: ModelSubject) => Partial<ModelSubject>

/** Breaks only what a request asks or what comes back. */
const completing =
  (sabotage: (honest: Complete) => Complete): Sabotage =>
  ({ model }) => ({ model: { ...model, complete: sabotage((request) => model.complete(request)) } })

const booking =
  (sabotage: (entries: ModelSubject['ledger']) => ModelSubject['ledger']): Sabotage =>
  (honest) => ({
    get ledger() {
      return sabotage(honest.ledger)
    },
  })

const failing = (change: (error: ModelUnavailable, request: CompletionRequest) => unknown): Sabotage =>
  completing((honest) => async (request) => {
    try {
      return await honest(request)
    } catch (error) {
      throw error instanceof ModelUnavailable ? change(error, request) : error
    }
  })

const LEDGER = 'books every try to the account with its purpose and outcome'
const WHATEVER = 'takes whatever a model says, also nothing and no JSON where a schema was asked for'
const rejectsWith = (how: string) =>
  `rejects with ${how}, says nothing private, and answers again when the endpoint does`

const SABOTEURS: { name: string; caughtBy: string; sabotage: Sabotage }[] = [
  {
    name: 'trims what the model wrote',
    caughtBy: 'answers what the model wrote, to the character',
    sabotage: completing((honest) => async (request) => {
      const completion = await honest(request)
      return { ...completion, text: completion.text.trim() }
    }),
  },
  {
    name: 'hands over only the last message',
    caughtBy: 'hands over every message, the schema and the limit',
    sabotage: completing(
      (honest) => (request) => honest({ ...request, messages: request.messages.slice(-1) }),
    ),
  },
  {
    name: 'forgets the schema',
    caughtBy: 'hands over every message, the schema and the limit',
    sabotage: completing((honest) => (request) => honest({ ...request, schema: undefined })),
  },
  {
    name: 'has a token limit of its own',
    caughtBy: 'hands over every message, the schema and the limit',
    sabotage: completing((honest) => (request) => honest({ ...request, maxOutputTokens: 4096 })),
  },
  {
    name: 'offers only the first function',
    caughtBy: 'offers functions and answers the calls, arguments as they were written',
    sabotage: completing((honest) => (request) => honest({ ...request, tools: request.tools?.slice(0, 1) })),
  },
  {
    name: 'drops calls whose arguments are no JSON',
    caughtBy: 'offers functions and answers the calls, arguments as they were written',
    sabotage: completing((honest) => async (request) => {
      const completion = await honest(request)
      return { ...completion, calls: completion.calls.filter((call) => call.arguments.endsWith('}')) }
    }),
  },
  {
    name: 'calls every end a good one',
    caughtBy: 'answers what was cut off and says so',
    sabotage: completing((honest) => async (request) => ({ ...(await honest(request)), finish: 'stop' })),
  },
  {
    name: 'takes a refusal for a failure',
    caughtBy: 'answers a refusal as one, not as a failure',
    sabotage: completing((honest) => async (request) => {
      const completion = await honest(request)
      if (completion.finish === 'refused') throw new ModelUnavailable('bad_answer', 'refused')
      return completion
    }),
  },
  {
    name: 'takes silence for a failure',
    caughtBy: WHATEVER,
    sabotage: completing((honest) => async (request) => {
      const completion = await honest(request)
      if (completion.text === '') throw new ModelUnavailable('bad_answer', 'empty')
      return completion
    }),
  },
  {
    name: 'checks the answer against the schema',
    caughtBy: WHATEVER,
    sabotage: completing((honest) => async (request) => {
      const completion = await honest(request)
      if (request.schema) JSON.parse(completion.text)
      return completion
    }),
  },
  {
    name: 'gives everybody the answer that is under way',
    caughtBy: 'keeps the answers of requests at the same time apart',
    sabotage: completing((honest) => {
      let underWay: ReturnType<Complete> | undefined
      return (request) => {
        underWay ??= honest(request).finally(() => {
          underWay = undefined
        })
        return underWay
      }
    }),
  },
  {
    name: 'answers nothing when the endpoint is away',
    caughtBy: rejectsWith('unreachable'),
    sabotage: completing(
      (honest) => (request) =>
        honest(request).catch(() => ({ text: '', calls: [], finish: 'other' as const, model: 'x' })),
    ),
  },
  {
    name: 'rejects with errors of its own kind',
    caughtBy: rejectsWith('rate_limited'),
    sabotage: failing((error) => new Error(error.message)),
  },
  {
    name: 'has one reason for everything',
    caughtBy: rejectsWith('refused_key'),
    sabotage: failing((error) => new ModelUnavailable('server_error', error.message)),
  },
  {
    name: 'repeats the prompt in its errors',
    caughtBy: rejectsWith('server_error'),
    sabotage: failing(
      (error, request) =>
        new ModelUnavailable(error.reason, `no answer to ${request.messages.at(-1)?.content}`),
    ),
  },
  {
    name: 'never asks again after a failure',
    caughtBy: rejectsWith('bad_answer'),
    sabotage: completing((honest) => {
      let failed: unknown
      return async (request) => {
        if (failed) throw failed
        return await honest(request).catch((error) => {
          failed = error
          throw error
        })
      }
    }),
  },
  {
    name: 'asks although the signal is aborted',
    caughtBy: 'rejects with the reason of an aborted signal, without a request',
    sabotage: completing((honest) => async ({ signal, ...request }) => {
      await honest(request)
      signal?.throwIfAborted()
      throw new Error('no signal')
    }),
  },
  {
    name: 'rejects an aborted request with an error of its own',
    caughtBy: 'rejects with the reason of a signal that is aborted meanwhile',
    sabotage: completing(
      (honest) => (request) =>
        honest(request).catch(() => {
          throw new ModelUnavailable('timeout', 'aborted')
        }),
    ),
  },
  { name: 'books nothing', caughtBy: LEDGER, sabotage: booking(() => []) },
  {
    name: 'books only what went well',
    caughtBy: LEDGER,
    sabotage: booking((entries) => entries.filter(({ outcome }) => outcome === 'ok')),
  },
  {
    name: 'records no account',
    caughtBy: LEDGER,
    sabotage: booking((entries) => entries.map((entry) => ({ ...entry, scope: '' }))),
  },
  {
    name: 'loses tokens',
    caughtBy: LEDGER,
    sabotage: booking((entries) => entries.map((entry) => ({ ...entry, tokensOut: 0 }))),
  },
]

const openSabotaged =
  (sabotage: Sabotage): Open<ModelSubject> =>
  async () => {
    const { subject, close } = await openModelSubject()
    const parts = Object.getOwnPropertyDescriptors({ ...subject })
    return {
      subject: Object.defineProperties(
        {},
        { ...parts, ...Object.getOwnPropertyDescriptors(sabotage(subject)) },
      ) as ModelSubject,
      close,
    }
  }

describe('the contract of language models notices an adapter that', () => {
  it.each(SABOTEURS)('$name', async ({ caughtBy, sabotage }) => {
    await expect(tryCase(caseNamed(MODEL_CASES, caughtBy), openSabotaged(sabotage))).rejects.toThrow()
  })

  it('does nothing of the kind, without a complaint', async () => {
    expect(
      await failedCases(
        MODEL_CASES,
        openSabotaged(() => ({})),
      ),
    ).toEqual([])
  })
})
