import type { ScriptedRequest } from '../../test/scripted-openai/server.ts'
import type { FactBook } from './facts.ts'

/**
 * What mem0ai's extraction understands: `{"memory":[{id, text, attributed_to}]}` (its `AdditiveExtractionSchema`), for
 * the messages under "## New Messages"; what stands under the other headings is context.
 */
export function mem0Answer({ last }: ScriptedRequest, book: FactBook): string {
  const section = /## New Messages\n([\s\S]*)\n\n## Observation Date/.exec(last)?.[1]
  if (section === undefined)
    throw new Error('Expected a prompt with "## New Messages" of mem0ai, got another')
  const memory = messagesIn(section).flatMap(({ role, speaker, text }) =>
    book.factsOf(speaker, text).map((fact) => ({ text: fact, attributed_to: role })),
  )
  return JSON.stringify({ memory: memory.map((one, i) => ({ id: String(i), ...one })) })
}

/** `user: Ada: text`, line by line; a line without a role goes on with the message before. */
function messagesIn(section: string): { role: string; speaker: string; text: string }[] {
  const messages: { role: string; speaker: string; text: string }[] = []
  for (const line of section.split('\n')) {
    const [, role, speaker, text] = /^(user|assistant): ([^:]+): (.*)$/.exec(line) ?? []
    const before = messages.at(-1)
    if (role && speaker && text !== undefined) messages.push({ role, speaker, text })
    else if (before) before.text += `\n${line}`
  }
  return messages
}
