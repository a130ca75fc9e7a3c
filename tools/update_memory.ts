import { z } from 'zod'
import { NodeError } from './shared/failure.ts'
import { MEMORY_ID, memoryPath } from './shared/memories.ts'
import { defineNode } from './shared/node.ts'
import { id, integer, jsonObject, momentOrNever, name } from './shared/parameters.ts'

const CHANGES = {
  memory: name('text').optional(),
  topic: name('the name of a topic').optional(),
  importance: integer(1, 5).optional(),
  expires_at: momentOrNever().optional(),
  metadata: jsonObject().optional(),
}

const Answer = z.looseObject({
  status: z.enum(['updated', 'unchanged']),
  memory: z
    .looseObject({ memory: z.string().catch(''), version: z.number().catch(-1) })
    .catch({ memory: '', version: -1 }),
})

/** Corrects one memory. Omitted fields stay unchanged; the sidecar keeps the previous version. */
export const updateMemory = defineNode({
  name: 'update_memory',
  parameters: {
    memory_id: MEMORY_ID,
    user_id: id('the id of a user, such as sys.user_id').optional(),
    ...CHANGES,
  },
  outputs: { status: 'error', memory: '', version: -1, error: '' },
  isDestructive: true,
  failureText: 'The memory was not updated.',
  async run({ memory_id, user_id, ...changes }, call) {
    const path = memoryPath(memory_id)
    if (Object.values(changes).every((value) => value === undefined))
      throw new NodeError(`Expected at least one of ${Object.keys(CHANGES).join(', ')}, got none.`)
    const { status, memory: view } = await call.ask(Answer, {
      method: 'PATCH',
      path,
      body: { user_id, ...changes },
    })
    return {
      outputs: { status, memory: view.memory, version: view.version },
      text: status === 'updated' ? 'The memory was updated.' : 'The memory already had these values.',
    }
  },
})
