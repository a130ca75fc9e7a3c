import { readFileSync } from 'node:fs'

/** Official names of the LoCoMo categories (Maharana et al. 2024), by their number in the file. */
export const CATEGORIES: Readonly<Record<number, string>> = {
  1: 'multi-hop',
  2: 'temporal',
  3: 'open-domain',
  4: 'single-hop',
  5: 'adversarial',
}

export interface Message {
  /** `dia_id`, such as `D3:14`: session 3, message 14. */
  id: string
  session: number
  speaker: string
  text: string
  /** Caption of an attached image. */
  caption: string | null
  /** Start of the session plus one second per message, epoch ms. The file has no time zone; UTC is assumed. */
  at: number
}

export interface Question {
  question: string
  /** Absent for adversarial questions. */
  answer?: string
  category: number
  /** Ids of the messages that contain the answer; never empty. */
  evidence: string[]
}

export interface Conversation {
  id: string
  messages: Message[]
  questions: Question[]
}

/** Reads a LoCoMo file. Skips questions without a valid evidence id. */
export function readLocomo(path: string): Conversation[] {
  const data: unknown = JSON.parse(readFileSync(path, 'utf8'))
  if (!Array.isArray(data))
    throw new TypeError(`${path}: expected an array of conversations, got ${typeof data}`)
  return data.map((item) => readConversation(item as RawConversation))
}

interface RawMessage {
  speaker: string
  dia_id: string
  text: string
  blip_caption?: string
}

interface RawConversation {
  sample_id: string
  conversation: Record<string, string | RawMessage[]>
  qa: { question: string; answer?: string | number; category: number; evidence?: string[] }[]
}

function readConversation({ sample_id, conversation, qa }: RawConversation): Conversation {
  const messages: Message[] = []
  for (let session = 1; ; session++) {
    const start = conversation[`session_${session}_date_time`]
    if (typeof start !== 'string') break
    const said = conversation[`session_${session}`]
    if (!Array.isArray(said)) continue
    const at = parseSessionDate(start)
    said.forEach((message, i) => {
      messages.push({
        id: message.dia_id,
        session,
        speaker: message.speaker,
        text: message.text,
        caption: message.blip_caption ?? null,
        at: at + i * 1000,
      })
    })
  }
  const known = new Set(messages.map((message) => message.id))
  const questions = qa.flatMap(({ question, answer, category, evidence = [] }) => {
    const ids = [...new Set(evidence.flatMap((text) => text.match(/D\d+:\d+/g) ?? []))]
    const valid = ids.filter((id) => known.has(id))
    if (valid.length === 0) return []
    return [{ question, category, evidence: valid, ...(answer !== undefined && { answer: String(answer) }) }]
  })
  return { id: sample_id, messages, questions }
}

/** `1:56 pm on 8 May, 2023` → epoch ms in UTC. */
export function parseSessionDate(text: string): number {
  const match = /^(\d+):(\d+) (am|pm) on (\d+) (\w+), (\d+)$/.exec(text.trim())
  if (!match)
    throw new TypeError(`session date: expected a date like "1:56 pm on 8 May, 2023", got "${text}"`)
  const [, hour, minute, half, day, month, year] = match
  const hours = (Number(hour) % 12) + (half === 'pm' ? 12 : 0)
  return Date.parse(`${day} ${month} ${year} UTC`) + hours * 3_600_000 + Number(minute) * 60_000
}
