import { setImmediate } from 'node:timers/promises'
import data from '../data/english-thesaurus.json' with { type: 'json' }
import { stem } from '../terms/stem.ts'

/** Stems related to an English stem. */
interface EnglishTerms {
  synonyms: readonly string[]
  /** Members of the category that the term names ("instrument": "violin"). */
  members: readonly string[]
}

/** Looks up an English stem; `undefined` when the thesaurus does not contain it. */
export function relatedTermsOf(term: string): EnglishTerms | undefined {
  table ??= buildTable()
  return table.get(term)
}

/** Stems all words in small steps and keeps the stems, so that the first question does not block for 0.1 s. */
export async function preloadThesaurus(): Promise<void> {
  for (const group of [...data.synonyms, ...Object.values(data.kinds)]) {
    for (const word of group.split(' ')) stem(word, 'english')
    await setImmediate()
  }
}

type Table = Map<string, { synonyms: string[]; members: string[] }>

let table: Table | undefined

/**
 * `data/english-thesaurus.json` is written by hand. `synonyms`: one group per line; `kinds`: a category with some of
 * its members. It has single words only; the stemmer handles plurals and tenses.
 */
function buildTable(): Table {
  const built: Table = new Map()
  const entryOf = (term: string) => {
    const entry = built.get(term) ?? { synonyms: [], members: [] }
    built.set(term, entry)
    return entry
  }
  const add = (list: string[], term: string, self: string) => {
    if (term !== self && !list.includes(term)) list.push(term)
  }
  for (const group of data.synonyms) {
    const terms = group.split(' ').map((word) => stem(word, 'english'))
    for (const a of terms) for (const b of terms) add(entryOf(a).synonyms, b, a)
  }
  for (const [kind, members] of Object.entries(data.kinds)) {
    const head = stem(kind, 'english')
    for (const member of members.split(' ')) add(entryOf(head).members, stem(member, 'english'), head)
  }
  return built
}
