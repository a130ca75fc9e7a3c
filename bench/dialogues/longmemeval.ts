import { z } from 'zod'
import type { Dialogue, DialogueTurn } from './dialogue.ts'

const message = z.object({
  role: z.enum(['user', 'assistant']),
  content: z.string(),
  has_answer: z.boolean().optional(),
})

/** An instance as the README of LongMemEval (Wu et al. 2024) documents it. */
export const instance = z.object({
  question_id: z.string(),
  question_type: z.string(),
  question: z.string(),
  answer: z.union([z.string(), z.number()]).transform(String),
  question_date: z.string(),
  haystack_dates: z.array(z.string()),
  haystack_sessions: z.array(z.array(message)),
})

type Message = z.output<typeof message>

/** One instance is a dialogue with one question. Questions whose id ends in `_abs` have no answer in the history. */
export function fromLongMemEval(raw: z.output<typeof instance>): Dialogue {
  const sessions = raw.haystack_sessions
    .map((messages, i) => ({ messages, at: parseDate(raw.haystack_dates[i] ?? '') }))
    .sort((a, b) => a.at - b.at)
  const evidence: string[] = []
  const turns = sessions.flatMap(({ messages, at }, s) =>
    pairTurns(messages).map((pair, t): DialogueTurn => {
      const ref = `${s + 1}:${t + 1}`
      if (pair.some(({ has_answer }) => has_answer)) evidence.push(ref)
      return { ref, session: s + 1, messages: pair.map(({ role, content }) => ({ role, content, at })) }
    }),
  )
  const isUnanswerable = raw.question_id.endsWith('_abs')
  return {
    id: raw.question_id,
    group: 'LongMemEval',
    turns,
    questions: [
      {
        id: raw.question_id,
        question: raw.question,
        answer: raw.answer,
        kind: isUnanswerable ? 'abstention' : raw.question_type,
        evidence: isUnanswerable ? [] : evidence,
        stale: [],
        at: parseDate(raw.question_date),
      },
    ],
  }
}

/** A turn starts with each user message. */
function pairTurns(messages: readonly Message[]): Message[][] {
  const turns: Message[][] = []
  for (const one of messages) {
    const open = turns.at(-1)
    if (open && one.role === 'assistant') open.push(one)
    else turns.push([one])
  }
  return turns
}

/** `2023/05/20 (Sat) 02:21` → epoch ms. The file has no time zone; UTC is assumed. */
function parseDate(text: string): number {
  const [, year, month, day, time] = /^(\d{4})\/(\d{2})\/(\d{2}) \(\w+\) (\d{2}:\d{2})$/.exec(text) ?? []
  const at = Date.parse(`${year}-${month}-${day}T${time}Z`)
  if (Number.isNaN(at))
    throw new TypeError(`date: expected a date like "2023/05/20 (Sat) 02:21", got "${text}"`)
  return at
}
