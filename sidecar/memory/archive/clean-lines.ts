import { clean } from '../../text/cleaning/clean.ts'
import { addCounts, type CleanedCounts } from '../../text/cleaning/counts.ts'
import type { RedactedKind } from '../../text/cleaning/redact.ts'
import { graphOfText, NO_GRAPH } from '../model/graph.ts'
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
  // A line of the history does not name the app of its memory.
  const appOf = new Map(
    lines.flatMap((line) => ('memory' in line ? [[line.memory.id, line.memory.app_id]] : [])),
  )
  return { lines: await Promise.all(lines.map((line) => cleanLine(line, cleanText, appOf))), counts }
}

async function cleanLine(
  line: Archived,
  cleanText: (appId: string | null, role: Role, content: string) => Promise<string>,
  appOf: ReadonlyMap<string, string | null>,
): Promise<Archived> {
  switch (line.kind) {
    case 'memory':
    case 'version':
    case 'ended': {
      const { app_id, role, speaker, text, context, updated_at } = line.memory
      const cleaned = await cleanText(app_id, role, text)
      const memory = {
        ...line.memory,
        // Names and relations may hold what was removed.
        ...(cleaned !== text && {
          ...NO_GRAPH,
          ...graphOfText({ text: cleaned, role, speaker }, updated_at),
        }),
        text: cleaned,
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
      const { memory_id, before, after } = line.history
      const appId = appOf.get(memory_id) ?? null
      const cleanOptional = async (text: string | null) =>
        text === null ? null : await cleanText(appId, 'user', text)
      const texts = { before: await cleanOptional(before), after: await cleanOptional(after) }
      return { ...line, history: { ...line.history, ...texts } }
    }
    default:
      return line
  }
}
