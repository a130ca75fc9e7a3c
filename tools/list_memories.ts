import { z } from 'zod'
import { toSingleLine } from '../sidecar/text/single-line.ts'
import { type MemoryItem, toItem } from './shared/memories.ts'
import { defineNode } from './shared/node.ts'
import { choice, id, integer, moment, name } from './shared/parameters.ts'
import { datePrefix, fence, plural } from './shared/text.ts'

const Answer = z.looseObject({
  memories: z.array(z.record(z.string(), z.unknown())),
  next_cursor: z.string().catch(''),
})

/** Lists one page of a user's memories by date, without a query. */
export const listMemories = defineNode({
  name: 'list_memories',
  parameters: {
    user_id: id('the id of a user, such as sys.user_id').optional(),
    // A filter: the conversation of the run is not the default, and a missing variable is an error.
    conversation_id: id('the id of a conversation').optional(),
    agent_id: id('the id of an agent').optional(),
    run_id: id('the id of a run').optional(),
    limit: integer(1, 500).default(20),
    cursor: name('the next_cursor of the previous page').optional(),
    order: choice(['newest', 'oldest']).default('newest'),
    as_of: moment().optional(),
  },
  outputs: {
    memories: [] as MemoryItem[],
    context: '',
    count: 0,
    next_cursor: '',
    status: 'error',
    error: '',
  },
  jsonOutputs: ['memories', 'count', 'next_cursor', 'status', 'error'],
  failureText: 'The memories could not be listed.',
  async run(query, call) {
    const answer = await call.ask(Answer, { method: 'GET', path: '/v1/memories', query })
    const memories = answer.memories.map(toItem)
    const count = memories.length
    const { next_cursor } = answer
    const page = `${plural(count, 'memory', 'memories')}${next_cursor === '' ? '' : ', and there are more'}.`
    return {
      outputs: {
        memories,
        context: fence('Memories of the user.', memories.map(toLine)),
        count,
        next_cursor,
        status: count > 0 ? 'ok' : 'empty',
      },
      details: {
        memories: memories.map(({ id, content, at, topic, version }) => ({
          id,
          content,
          at,
          topic,
          version,
        })),
      },
      text: count === 0 ? 'There are no memories.' : page,
    }
  },
})

function toLine({ content, at, speaker, role }: MemoryItem): string {
  const author = [speaker, role].find((value) => typeof value === 'string' && value !== '')
  const said = author === undefined ? '' : `${toSingleLine(String(author))}: `
  return `- ${datePrefix(at)}${said}${toSingleLine(content)}`
}
