/*
 * npm run bench -- bad-answers [--pending]
 *
 * Compares three readers of malformed model answers, by kind of defect. `facts`: share of the facts in the answers that
 * is read correctly. `false`: texts that are read as facts but are none, such as truncated ones. Truncated, refused and
 * empty answers hold no facts here; they must stay pending.
 * --pending lists every unreadable answer with its reason. Exits with 1 when an answer is not read as expected.
 */
import { isDeepStrictEqual } from 'node:util'
import { jsonrepair } from 'jsonrepair'
import { extract } from '../sidecar/memory/extract/extract.ts'
import type { BadAnswer } from '../test/memory/extract/corpus/bad-answer.ts'
import { CORPUS } from '../test/memory/extract/corpus/corpus.ts'
import { batchOf } from '../test/memory/extract/corpus/talk.ts'
import { readOptions } from './lib/options.ts'
import { table } from './lib/table.ts'

const options = readOptions({ pending: false })

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
  Hippocache: readWithHippocache,
}
const READER_NAMES = Object.keys(READERS)

const mismatches: string[] = []
const unreadable: string[][] = [['kind', 'form', 'language', 'reason']]
const total = emptyScore()
const scores = new Map<string, Score>()
for (const answer of CORPUS) {
  const scoreOfKind = scores.get(answer.kind) ?? emptyScore()
  scores.set(answer.kind, scoreOfKind)
  await addTo([scoreOfKind, total], answer)
}

const header = [
  'kind',
  'answers',
  'pending',
  'facts',
  ...READER_NAMES,
  ...READER_NAMES.map((n) => `false: ${n}`),
]
console.log(table([head, ...[...scores, ['all', all] as const].map(([kind, score]) => row(kind, score))]))
if (values.pending) console.log(`\nUnreadable:\n\n${table(unread)}`)
if (wrong.length > 0) {
  console.error(`\nNot read as expected:\n${wrong.join('\n')}`)
  process.exitCode = 1
}

async function addTo(targets: readonly Score[], answer: BadAnswer): Promise<void> {
  const expected = 'facts' in answer.expect ? answer.expect.facts.map(({ text }) => text) : []
  const unreadableBefore = unreadable.length
  for (const [name, read] of Object.entries(READERS)) {
    const texts = new Set(await read(answer))
    for (const { recovered, falseFacts } of targets) {
      recovered[name] = (recovered[name] ?? 0) + expected.filter((text) => texts.has(text)).length
      falseFacts[name] =
        (falseFacts[name] ?? 0) + [...texts].filter((text) => !expected.includes(text)).length
    }
  }
  for (const score of targets) {
    score.answers++
    score.facts += expected.length
    score.unreadable += unreadable.length - unreadableBefore
  }
}

function emptyScore(): Score {
  return { answers: 0, facts: 0, unreadable: 0, recovered: {}, falseFacts: {} }
}

function row(kind: string, score: Score): string[] {
  const share = (name: string) =>
    score.facts === 0 ? '–' : `${Math.floor((100 * (score.recovered[name] ?? 0)) / score.facts)} %`
  return [
    kind,
    `${score.answers}`,
    `${score.unreadable}`,
    `${score.facts}`,
    ...READER_NAMES.map(share),
    ...READER_NAMES.map((name) => `${score.falseFacts[name] ?? 0}`),
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
    unreadable.push([kind, form, talk.language, outcome.reason])
    if (!('unreadable' in expect) || expect.unreadable !== outcome.reason) mismatches.push(`${kind}: ${form}`)
    return []
  }
  if (!('facts' in expect) || !isDeepStrictEqual(outcome.extraction.facts, expect.facts)) {
    mismatches.push(`${kind}: ${form}`)
  }
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
