import { fenced, oneLine, quotation } from '../recall/render.ts'
import { type Placed, SAID } from './slots.ts'

const HEAD = 'What is known of the user, by topic.'

/** The profile as a prompt shows it: memories in the order given, a heading before each topic. No clock is in it. */
export function renderProfile(placed: readonly Placed[]): string {
  const lines = placed.flatMap((one, i) =>
    placed[i - 1]?.key === one.key ? [lineOf(one)] : [headingOf(one), lineOf(one)],
  )
  return fenced(HEAD, lines)
}

export function headingOf({ topic }: Placed): string {
  const name = oneLine(topic)
  return `# ${name}${quotation(name)}`
}

/** `- home: Ada lives in Kyoto. (2026-03)`, the date being that of the event; words that were said have their day. */
export function lineOf({ memory, key, subTopic, saidAt }: Placed): string {
  const text = oneLine(memory.text)
  if (key === SAID) {
    const day = new Date(saidAt).toISOString().slice(0, 10)
    return `- [${day}]${quotation(text)} ${text}`
  }
  const name = oneLine(subTopic ?? '')
  const when = memory.event_date === null ? '' : ` (${oneLine(memory.event_date)})`
  const label = `${name}${quotation(`${name}: ${text}`)}`.trim()
  return `- ${label === '' ? '' : `${label}: `}${text}${when}`
}
