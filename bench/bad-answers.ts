/*
 * npm run bench -- bad-answers [--pending]
 *
 * Compares three readers of malformed model answers, by kind of defect. `facts`: share of the facts in the answers that
 * is read correctly. `false`: texts that are read as facts but are none, such as truncated ones. Truncated, refused and
 * empty answers hold no facts here; they must stay pending.
 * --pending lists every unreadable answer with its reason. Exits with 1 when an answer is not read as expected.
 */
import { isDeepStrictEqual, parseArgs } from 'node:util'
import { jsonrepair } from 'jsonrepair'
import { extract } from '../sidecar/memory/extract/extract.ts'
import type { BadAnswer } from '../test/memory/extract/corpus/bad-answer.ts'
import { CORPUS } from '../test/memory/extract/corpus/corpus.ts'
import { batchOf } from '../test/memory/extract/corpus/talk.ts'
import { table } from './lib/table.ts'

interface Score {
  answers: number
  /** Facts in the answers. */
  facts: number
  /** Unreadable answers. */
  pending: number
  taken: Record<string, number>
  untrue: Record<string, number>
}

const READERS: Record<string, (answer: BadAnswer) => Promise<string[]>> = {
  'JSON.parse': async ({ raw }) => textsUnderFacts(() => JSON.parse(raw)),
  jsonrepair: async ({ raw }) => textsUnderFacts(() => JSON.parse(jsonrepair(raw))),
  hippocache: readHere,
}

const { values } = parseArgs({ options: { pending: { type: 'boolean', default: false } } })
const wrong: string[] = []
const unread: string[][] = [['kind', 'form', 'language', 'reason']]
const all = emptyScore()
const scores = new Map<string, Score>()
for (const answer of CORPUS) {
  const ofKind = scores.get(answer.kind) ?? emptyScore()
  scores.set(answer.kind, ofKind)
  await count(answer, [ofKind, all])
}

const head = [
  'kind',
  'answers',
  'pending',
  'facts',
  ...Object.keys(READERS),
  ...Object.keys(READERS).map((name) => `false: ${name}`),
]
console.log(table([head, ...[...scores, ['all', all] as const].map(([kind, score]) => row(kind, score))]))
if (values.pending) console.log(`\nUnreadable:\n\n${table(unread)}`)
if (wrong.length > 0) {
  console.error(`\nNot read as expected:\n${wrong.join('\n')}`)
  process.exitCode = 1
}

async function count(answer: BadAnswer, into: readonly Score[]): Promise<void> {
  const wanted = 'facts' in answer.expect ? answer.expect.facts.map(({ text }) => text) : []
  const before = unread.length
  for (const [name, read] of Object.entries(READERS)) {
    const texts = new Set(await read(answer))
    for (const { taken, untrue } of into) {
      taken[name] = (taken[name] ?? 0) + wanted.filter((text) => texts.has(text)).length
      untrue[name] = (untrue[name] ?? 0) + [...texts].filter((text) => !wanted.includes(text)).length
    }
  }
  for (const score of into) {
    score.answers++
    score.facts += wanted.length
    score.pending += unread.length - before
  }
}

function emptyScore(): Score {
  return { answers: 0, facts: 0, pending: 0, taken: {}, untrue: {} }
}

function row(kind: string, { answers, facts, pending, taken, untrue }: Score): string[] {
  const share = (name: string) => (facts === 0 ? '–' : `${Math.floor((100 * (taken[name] ?? 0)) / facts)} %`)
  const names = Object.keys(READERS)
  return [
    kind,
    `${answers}`,
    `${pending}`,
    `${facts}`,
    ...names.map(share),
    ...names.map((name) => `${untrue[name] ?? 0}`),
  ]
}

/** Both requests get the same answer. */
async function readHere({ kind, form, talk, raw, finish, expect }: BadAnswer): Promise<string[]> {
  const complete = async () => ({ text: raw, calls: [], finish, model: 'scripted' })
  const outcome = await extract(batchOf(talk), {
    model: { kind: 'scripted', complete },
    account: { scope: 'bench' },
  })
  if (outcome.status === 'unreadable') {
    unread.push([kind, form, talk.language, outcome.reason])
    if (!('unreadable' in expect) || expect.unreadable !== outcome.reason) wrong.push(`${kind}: ${form}`)
    return []
  }
  if (!('facts' in expect) || !isDeepStrictEqual(outcome.extraction.facts, expect.facts))
    wrong.push(`${kind}: ${form}`)
  return outcome.extraction.facts.map(({ text }) => text)
}

/** What a program reads that expects the requested shape. */
function textsUnderFacts(parse: () => unknown): string[] {
  try {
    const { facts } = parse() as { facts: { text: unknown }[] }
    return facts.map(({ text }) => text).filter((text) => typeof text === 'string')
  } catch {
    return []
  }
}
