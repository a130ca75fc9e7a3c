import { KINDS, SYNONYMS } from './english-concepts.ts'
import { stem } from './stem.ts'

/** Stems related to an English stem. */
export interface Related {
  /** Stems of similar meaning. */
  synonyms: readonly string[]
  /** Stems of the members, if the stem names a kind ("instrument" → "violin"). */
  members: readonly string[]
}

/** Looks an English stem up in the thesaurus, which is built at the first call (about 10 ms). */
export function relatedTo(term: string): Related | undefined {
  table ??= buildTable()
  return table.get(term)
}

type Table = Map<string, { synonyms: string[]; members: string[] }>

let table: Table | undefined

function buildTable(): Table {
  const made: Table = new Map()
  const at = (term: string) => {
    const known = made.get(term) ?? { synonyms: [], members: [] }
    made.set(term, known)
    return known
  }
  const add = (list: string[], term: string, self: string) => {
    if (term !== self && !list.includes(term)) list.push(term)
  }
  for (const line of SYNONYMS.trim().split('\n')) {
    const terms = line.split(' = ').map((word) => stem(word.trim(), 'english'))
    for (const a of terms) for (const b of terms) add(at(a).synonyms, b, a)
  }
  for (const line of KINDS.trim().split('\n')) {
    const [kind, members] = line.split(': ') as [string, string]
    const head = stem(kind, 'english')
    for (const member of members.split(' ')) add(at(head).members, stem(member, 'english'), head)
  }
  return made
}
