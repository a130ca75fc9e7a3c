import { z } from 'zod'
import { undefinedIfNotFound } from './shared/failure.ts'
import { MEMORY_ID, memoryPath } from './shared/memories.ts'
import { defineNode } from './shared/node.ts'
import { id } from './shared/parameters.ts'

const Answer = z.looseObject({
  status: z.literal('deleted'),
  memory: z.looseObject({ memory: z.string().catch('') }).catch({ memory: '' }),
})

/** Deletes one memory. A missing memory is not an error. */
export const deleteMemory = defineNode({
  name: 'delete_memory',
  parameters: {
    memory_id: MEMORY_ID,
    user_id: id('the id of a user, such as sys.user_id').optional(),
  },
  outputs: { status: 'error', memory: '', error: '' },
  isDestructive: true,
  failureText: 'The memory was not deleted.',
  async run({ memory_id, user_id }, call) {
    const path = memoryPath(memory_id)
    const answer = await call
      .ask(Answer, { method: 'DELETE', path, query: { user_id } })
      .catch(undefinedIfNotFound)
    if (!answer) return { outputs: { status: 'absent' }, text: 'There is no such memory.' }
    const { status, memory } = answer
    return { outputs: { status, memory: memory.memory }, text: 'The memory was deleted.' }
  },
})
