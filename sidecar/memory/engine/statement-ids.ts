import { statementKey } from '../../text/verbatim/answers.ts'
import { legacyMemoryIdOf, memoryIdOf, type Statement } from '../model/memory.ts'
import type { Held } from '../repositories/memories.ts'
import type { UnitOfWork } from './unit-of-work.ts'

/**
 * The id of a statement, and the memory that has it. The id of a memory that was corrected to another text is not
 * reused.
 * @param legacyId the first legacy id of the statement, if it is known
 */
export async function findStatement(
  unit: UnitOfWork,
  statement: Statement,
  legacyId?: string,
): Promise<{ id: string; held: Held | undefined }> {
  // Read together, because the store may be remote.
  const [foundId] = await Promise.all([
    findLegacyId(unit, statement, 'latest', legacyId),
    unit.find(memoryIdOf(unit.scope, statement)),
  ])
  if (foundId !== undefined) return { id: foundId, held: await unit.find(foundId) }
  const key = statementKey(statement)
  for (let nth = 0; ; nth++) {
    const id = memoryIdOf(unit.scope, statement, nth)
    const held = await unit.find(id)
    if (!held || statementKey(held.memory) === key) return { id, held }
  }
}

/**
 * The legacy id of a memory, current or ended, that was stored under it with this very text.
 * @param version which text of a corrected memory is compared
 */
export async function findLegacyId(
  unit: UnitOfWork,
  statement: Statement,
  version: 'original' | 'latest',
  firstId = legacyMemoryIdOf(unit.scope, statement),
): Promise<string | undefined> {
  const key = statementKey(statement)
  for (let nth = 0; ; nth++) {
    const id = nth === 0 ? firstId : legacyMemoryIdOf(unit.scope, statement, nth)
    const [held, ended] = await Promise.all([unit.find(id), unit.findEnded(id)])
    const latest = held?.memory ?? ended?.memory
    if (!latest) return undefined
    const first =
      version === 'original' && latest.version > 1 ? (await unit.findPast(id, 1))?.past.memory : undefined
    if (statementKey(first ?? latest) === key) return id
  }
}
