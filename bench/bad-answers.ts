/*
 * npm run bench -- bad-answers [--pending]
 *
 * Facts recovered from a corpus of malformed model answers, by kind of defect, with three readers: JSON.parse,
 * jsonrepair, and Hippocache. `facts` is the number of facts in the answers; a reader's column is the share it reads
 * in full; `false` counts texts that it reports as facts although they are none, such as truncated ones. Truncated,
 * refused and empty answers hold no facts: leaving their turns pending is correct.
 *
 * --pending lists the unreadable answers with their reasons. Exits with 1 if an answer is not read as the corpus
 * expects.
 */
import { isDeepStrictEqual } from 'node:util'
import { jsonrepair } from 'jsonrepair'
import { extract } from '../sidecar/learning/extraction/extract.ts'
import type { BadAnswer } from '../test/helpers/learning/extraction/corpus/bad-answer.ts'
import { CORPUS } from '../test/helpers/learning/extraction/corpus/corpus.ts'
import { batchOf } from '../test/helpers/learning/extraction/corpus/talk.ts'
import { readOptions } from './lib/options.ts'
import { table } from './lib/table.ts'

const options = readOptions({ pending: false })

interface Score {
  answers: number
  /** Facts in the answers. */
  facts: number
  /** Answers that Hippocache cannot read. */
  unreadable: number
  /** Facts read in full, by reader. */
  recovered: Record<string, number>
  /** Texts wrongly reported as facts, by reader. */
  falseFacts: Record<string, number>
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
console.log(table([header, ...[...scores, ['all', total] as const].map(([kind, score]) => row(kind, score))]))
if (options.pending) console.log(`\nUnreadable answers, whose turns stay pending:\n\n${table(unreadable)}`)
if (mismatches.length > 0) {
  console.error(`\nNot read as the corpus expects:\n${mismatches.join('\n')}`)
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

/** Runs the extraction with a model that gives the same answer to each request, including the repair request. */
async function readWithHippocache({ kind, form, talk, raw, finish, expect }: BadAnswer): Promise<string[]> {
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

/** The fact texts that a program gets if it assumes the requested JSON shape. */
function textsUnderFacts(parse: () => unknown): string[] {
  try {
    const { facts } = parse() as { facts: { text: unknown }[] }
    return facts.map(({ text }) => text).filter((text) => typeof text === 'string')
  } catch {
    return []
  }
}
