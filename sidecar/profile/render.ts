import { fenced, oneLine, quotation } from '../recall/render.ts'
import { SAID, type SlottedMemory } from './slots.ts'

const HEAD = 'What is known of the user, by topic.'

/** Renders sorted memories with a heading per topic. Does not depend on the current time. */
export function renderProfile(sorted: readonly SlottedMemory[]): string {
  const lines = sorted.flatMap((one, i) =>
    sorted[i - 1]?.key === one.key ? [renderLine(one)] : [renderHeading(one), renderLine(one)],
  )
  return fenced(HEAD, lines)
}

export function renderHeading({ topic }: SlottedMemory): string {
  const name = oneLine(topic)
  return `# ${name}${quotation(name)}`
}

/** `- home: Ada lives in Kyoto. (2026-03)` with the date of the event, or `- [2026-03-01] I like tea.` for a statement. */
export function renderLine({ memory, key, subTopic, saidAt }: SlottedMemory): string {
  const text = oneLine(memory.text)
  if (key === SAID) {
    const day = new Date(saidAt).toISOString().slice(0, 10)
    return `- [${day}]${quotation(text)} ${text}`
  }
  const name = oneLine(subTopic ?? '')
  const date = memory.event_date === null ? '' : ` (${oneLine(memory.event_date)})`
  const label = `${name}${quotation(`${name}: ${text}`)}`.trim()
  return `- ${label === '' ? '' : `${label}: `}${text}${date}`
}
