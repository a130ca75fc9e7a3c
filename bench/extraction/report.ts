import { table } from '../lib/table.ts'
import { type Extracted, emptyExtracted } from './measure.ts'

export function formatExtraction(byGroup: ReadonlyMap<string, Extracted>): string {
  const all = emptyExtracted()
  for (const one of byGroup.values()) {
    for (const key of Object.keys(all) as (keyof Extracted)[]) all[key] += one[key]
  }
  const head = [
    ...['', 'turns', 'learned from', 'no fact', 'pending', 'failed', 'lost'],
    ...['facts', 'grounded', 'language kept', 'replaced values retired'],
  ]
  return table([head, ...[...byGroup].map(([name, one]) => row(name, one)), row('all', all)])
}

function row(name: string, one: Extracted): string[] {
  const share = (part: number, whole: number) => (whole === 0 ? '' : `${((100 * part) / whole).toFixed(0)} %`)
  return [
    name,
    String(one.turns),
    share(one.learnedFrom, one.turns),
    ...[one.withoutFact, one.pending, one.failed, one.lost, one.facts].map(String),
    share(one.grounded, one.facts),
    share(one.inLanguage, one.facts),
    `${one.retired} of ${one.replaced}`,
  ]
}
