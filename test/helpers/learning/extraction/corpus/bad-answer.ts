import type { Fact, UnreadableReason } from '../../../../../sidecar/learning/extraction/types.ts'
import type { Completion } from '../../../../../sidecar/ports/language-model.ts'
import { factsOf, type GoodAnswer, type GoodFact, type Talk } from './talk.ts'

/** An answer of a weak model to a conversation, with the expected result: exactly these facts, or this reason. */
export interface BadAnswer {
  kind: string
  form: string
  talk: Talk
  raw: string
  finish: Completion['finish']
  expect: { facts: readonly Fact[] } | { unreadable: UnreadableReason }
}

/** A defect of an answer, made from a good answer. */
export interface Form {
  form: string
  spoil: (good: GoodAnswer, talk: Talk) => string
  finish?: Completion['finish']
  /** By default all facts of the talk. */
  expect?: (talk: Talk) => BadAnswer['expect']
}

/** Applies each form to one talk in Latin script and one in another script, in rotation. */
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

/** A hand-written answer. */
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

/** The answer with changed facts. */
export function withFacts(good: GoodAnswer, change: (fact: GoodFact, i: number) => unknown): unknown {
  return { ...good, facts: good.facts.map(change) }
}
