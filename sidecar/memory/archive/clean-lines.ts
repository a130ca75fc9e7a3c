import { clean } from '../../text/cleaning/clean.ts'
import { addCounts, type CleanedCounts } from '../../text/cleaning/counts.ts'
import type { RedactedKind } from '../../text/cleaning/redact.ts'
import type { Role } from '../model/memory.ts'
import type { Archived } from './format.ts'

/**
 * Cleans the texts of an export as those of a turn are cleaned: the file may have been written by an earlier version or
 * by hand. Clean lines stay the same.
 */
export async function cleanLines(
  lines: readonly Archived[],
  redactOf: (appId: string | null) => Promise<readonly RedactedKind[]>,
): Promise<{ lines: Archived[]; counts: CleanedCounts }> {
  const counts: CleanedCounts = {}
  const cleanText = async (appId: string | null, role: Role, content: string): Promise<string> => {
    const cleaned = await clean({ texts: [{ role, content }], redact: await redactOf(appId) })
    addCounts(counts, cleaned.counts)
    return cleaned.texts[0] as string
  }
  return { lines: await Promise.all(lines.map((line) => cleanLine(line, cleanText))), counts }
}

async function cleanLine(
  line: Archived,
  cleanText: (appId: string | null, role: Role, content: string) => Promise<string>,
): Promise<Archived> {
  switch (line.kind) {
    case 'memory':
    case 'version':
    case 'ended': {
      const { app_id, role, text, context } = line.memory
      const memory = {
        ...line.memory,
        text: await cleanText(app_id, role, text),
        context: context === null ? null : await cleanText(app_id, 'user', context),
      }
      return { ...line, memory }
    }
    case 'turn': {
      const { app_id } = line.turn
      const messages = line.turn.messages.map(async (message) => ({
        ...message,
        content: await cleanText(app_id, message.role, message.content),
      }))
      return { ...line, turn: { ...line.turn, messages: await Promise.all(messages) } }
    }
    case 'history': {
      const cleanOptional = async (text: string | null) =>
        text === null ? null : await cleanText(null, 'user', text)
      const [before, after] = await Promise.all([line.history.before, line.history.after].map(cleanOptional))
      return { ...line, history: { ...line.history, before: before ?? null, after: after ?? null } }
    }
    default:
      return line
  }
}
