import type { Fact, UnreadableReason } from '../../../../../sidecar/learning/extraction/types.ts'
import type { Completion } from '../../../../../sidecar/ports/language-model.ts'
import { factsOf, type GoodAnswer, type GoodFact, type Talk } from './talk.ts'

/** An answer of a weak model, the talk it answers, and what must come of it: these facts exactly, or this reason. */
export interface BadAnswer {
  kind: string
  form: string
  talk: Talk
  raw: string
  finish: Completion['finish']
  expect: { facts: readonly Fact[] } | { unreadable: UnreadableReason }
}

/** A way in which models spoil a good answer. */
export interface Form {
  form: string
  spoil: (good: GoodAnswer, talk: Talk) => string
  finish?: Completion['finish']
  /** All facts of the talk unless something else is said here. */
  expect?: (talk: Talk) => BadAnswer['expect']
}

/** Each form on one talk in Latin letters and one in others, which change from form to form. */
export function spoilt(
  kind: string,
  forms: readonly Form[],
  latin: readonly Talk[],
  other: readonly Talk[],
): BadAnswer[] {
  return forms.flatMap(({ form, spoil, finish = 'stop', expect }, i) =>
    [latin[i % latin.length], other[i % other.length]].flatMap((talk) =>
      talk
        ? [
            {
              kind,
              form,
              talk,
              finish,
              raw: spoil(structuredClone(talk.good), talk),
              expect: expect?.(talk) ?? { facts: factsOf(talk) },
            },
          ]
        : [],
    ),
  )
}

/** One by hand. */
export function byHand(
  kind: string,
  form: string,
  talk: Talk,
  raw: string,
  expect: BadAnswer['expect'],
  finish: Completion['finish'] = 'stop',
): BadAnswer {
  return { kind, form, talk, raw, finish, expect }
}

export function json(value: unknown): string {
  return JSON.stringify(value)
}

export function pretty(value: unknown): string {
  return JSON.stringify(value, null, 2)
}

/** The answer with each of its facts changed. */
export function withFacts(good: GoodAnswer, change: (fact: GoodFact, i: number) => unknown): unknown {
  return { ...good, facts: good.facts.map(change) }
}

/** Renames the keys of an object, those named. */
export function renamed(object: object, names: Readonly<Record<string, string>>): unknown {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [names[key] ?? key, value]))
}
