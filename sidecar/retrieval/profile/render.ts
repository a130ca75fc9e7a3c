import { fence, instructionWarning, toSingleLine } from '../render.ts'
import { SAID, type SlottedMemory } from './slots.ts'

const HEAD = 'What is known of the user, by topic.'

/** Renders sorted memories with a heading per topic. Does not depend on the current time. */
export function renderProfile(sorted: readonly SlottedMemory[]): string {
  const lines = sorted.flatMap((one, i) =>
    sorted[i - 1]?.key === one.key ? [renderLine(one)] : [renderHeading(one), renderLine(one)],
  )
  return fence(HEAD, lines)
}

export function renderHeading({ topic }: SlottedMemory): string {
  const name = toSingleLine(topic)
  return `# ${name}${instructionWarning(name)}`
}

/** `- home: Ada lives in Kyoto. (2026-03)` with the date of the event, or `- [2026-03-01] I like tea.` for a statement. */
export function renderLine({ memory, key, subTopic, saidAt }: SlottedMemory): string {
  const text = toSingleLine(memory.text)
  if (key === SAID) {
    const day = new Date(saidAt).toISOString().slice(0, 10)
    return `- [${day}]${instructionWarning(text)} ${text}`
  }
  const name = toSingleLine(subTopic ?? '')
  const date = memory.event_date === null ? '' : ` (${toSingleLine(memory.event_date)})`
  const label = `${name}${instructionWarning(`${name}: ${text}`)}`.trim()
  return `- ${label === '' ? '' : `${label}: `}${text}${date}`
}
