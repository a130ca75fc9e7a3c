import type { ModelSelection } from '@dify/plugin-sdk-ts'
import { z } from 'zod'

/** The value of a `model-selector` parameter. Some versions of Dify name the model `name`. */
export const modelSelection = () =>
  z
    .preprocess(
      (value) => (typeof value === 'string' ? parseJson(value) : value),
      z.looseObject(
        {
          provider: z.string(),
          model: z.string().optional(),
          name: z.string().optional(),
          mode: z.string().nullish(),
          completion_params: z.record(z.string(), z.unknown()).nullish(),
        },
        { error: 'a model' },
      ),
    )
    .transform(({ provider, model, name, mode, completion_params }, context): ModelSelection | undefined => {
      const chosen = model || name
      // A selection that was cleared.
      if (!provider && !chosen) return undefined
      if (provider && chosen)
        return {
          ...{ provider, model: chosen, mode: mode ?? undefined },
          completion_params: completion_params ?? {},
        }
      context.addIssue({ code: 'custom', message: 'a model' })
      return z.NEVER
    })

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
