import { AppError } from '../../ports/errors.ts'
import { nameKey } from '../../text/relations/names.ts'
import type { MemoryEngine } from '../engine/engine.ts'
import type { Memory } from '../model/memory.ts'
import { type Scope, scopeKey } from '../model/scope.ts'
import type { GraphReader } from './reader.ts'

/**
 * Restores a relation that another one replaced: it holds beside the other one again.
 * @throws {AppError} `not_found`, or `conflict` where nothing replaced it
 */
export async function restoreRelation(
  engine: MemoryEngine,
  graphs: GraphReader,
  scope: Scope,
  id: string,
): Promise<void> {
  const key = scopeKey(scope)
  const { graph } = await graphs.read(key)
  const relation = graph.relations.find((one) => one.id === id)
  if (!relation) throw new AppError('not_found', `id: no relation ${JSON.stringify(id)} of this user`)
  if (relation.ended?.reason !== 'replaced') {
    const how = relation.ended ? 'restore its memory instead' : 'it still holds'
    throw new AppError('conflict', `id: no other relation replaced this one; ${how}`)
  }
  const { subject, object, label } = relation
  const names = [subject, object].map((end) => {
    const entity = graph.entities.get(end)
    return new Set(
      [entity?.name, ...(entity?.aliases ?? []).map(({ name }) => name)].map((one) => nameKey(one ?? '')),
    )
  })
  await change(engine, key, relation.memoryIds, (memory, now) => ({
    ...memory,
    relations: memory.relations?.map((one) =>
      one.label === label && names[1]?.has(nameKey(one.object)) ? { ...one, restored_at: now } : one,
    ),
  }))
}

/**
 * Takes back that a name was found to be another name of an entity.
 * @throws {AppError} `not_found`, or `conflict` for a name that was not merged by similarity
 */
export async function splitEntity(
  engine: MemoryEngine,
  graphs: GraphReader,
  scope: Scope,
  { id, name }: { id: string; name: string },
): Promise<void> {
  const key = scopeKey(scope)
  const entity = (await graphs.read(key)).graph.entities.get(id)
  if (!entity) throw new AppError('not_found', `id: no entity ${JSON.stringify(id)} of this user`)
  const alias = entity.aliases.find((one) => nameKey(one.name) === nameKey(name))
  if (alias?.reason !== 'similar') {
    throw new AppError(
      'conflict',
      'name: expected an alias with the reason "similar"; correct the memory that states another alias',
    )
  }
  const ids = [...new Set(entity.mentions.map(({ memoryId }) => memoryId))]
  await change(engine, key, ids, (memory, now) => ({
    ...memory,
    mentions: memory.mentions?.map((one) =>
      one.same_as && nameKey(one.name) === nameKey(name)
        ? { ...one, same_as: { ...one.same_as, undone_at: now } }
        : one,
    ),
  }))
}

/** Changes what memories contribute to the graph. Their texts stay, so they get no new version. */
async function change(
  engine: MemoryEngine,
  scope: string,
  ids: readonly string[],
  revise: (memory: Memory, now: number) => Memory,
): Promise<void> {
  await engine.change(scope, async (unit) => {
    for (const id of ids) {
      const held = await unit.find(id)
      if (held) unit.put(revise(held.memory, unit.now), held.dense)
    }
  })
}
