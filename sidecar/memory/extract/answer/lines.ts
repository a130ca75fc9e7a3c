import { collectBullets } from './bullets.ts'
import type { Collected } from './collect.ts'
import { fromTable, fromXml, fromYaml } from './markup.ts'

/**
 * Facts in a form other than JSON: XML, YAML, a Markdown table, or a list under a heading that says that it lists
 * facts. A list without such a heading may be anything and is not read. `cut`: it ends in the middle of an item.
 */
export function collectLines(text: string): Collected | 'cut' | undefined {
  return fromXml(text) ?? fromYaml(text) ?? fromTable(text) ?? collectBullets(text)
}
