import type { ScriptedRequest } from '../../test/helpers/scripted-openai/server.ts'
import type { FactBook } from './facts.ts'

/**
 * Answers mem0ai's extraction prompt with its `AdditiveExtractionSchema`, `{"memory":[{id, text, attributed_to}]}`, for
 * the messages under "## New Messages". The other sections of the prompt are context.
 */
export function mem0Answer({ last }: ScriptedRequest, book: FactBook): string {
  const section = /## New Messages\n([\s\S]*)\n\n## Observation Date/.exec(last)?.[1]
  if (section === undefined)
    throw new Error('prompt: expected a section "## New Messages" of mem0ai, got none')
  const memory = messagesIn(section).flatMap(({ role, speaker, text }) =>
    book.factsOf(speaker, text).map((fact) => ({ text: fact, attributed_to: role })),
  )
  return JSON.stringify({ memory: memory.map((fact, i) => ({ id: String(i), ...fact })) })
}

/** Parses lines like `user: Ada: text`; a line without a role continues the previous message. */
function messagesIn(section: string): { role: string; speaker: string; text: string }[] {
  const messages: { role: string; speaker: string; text: string }[] = []
  for (const line of section.split('\n')) {
    const [, role, speaker, text] = /^(user|assistant): ([^:]+): (.*)$/.exec(line) ?? []
    const previous = messages.at(-1)
    if (role && speaker && text !== undefined) messages.push({ role, speaker, text })
    else if (previous) previous.text += `\n${line}`
  }
  return messages
}
