import type { SubGraph } from './neighbourhood.ts'

/** A flowchart in the syntax of Mermaid; relations that have ended are dotted. */
export function toMermaid({ entities, relations }: SubGraph): string {
  const numbers = new Map(entities.map(({ id }, i) => [id, `n${i}`]))
  const nodes = entities.map(({ id, name }) => `  ${numbers.get(id)}["${toLabel(name)}"]`)
  const edges = relations.map(({ subject, label, object, validUntil }) => {
    const arrow = validUntil === null ? '-->' : '-.->'
    return `  ${numbers.get(subject)} ${arrow}|"${toLabel(label)}"| ${numbers.get(object)}`
  })
  return ['graph LR', ...nodes, ...edges].join('\n')
}

/** Mermaid reads entities such as `#quot;` in labels; every other special character is harmless in quotes. */
function toLabel(text: string): string {
  return text
    .replace(/[\r\n]+/g, ' ')
    .replace(/#/g, '#35;')
    .replace(/"/g, '#quot;')
    .replace(/</g, '#lt;')
    .replace(/>/g, '#gt;')
}
