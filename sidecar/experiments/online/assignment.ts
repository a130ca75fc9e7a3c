import { hash } from 'node:crypto'
import type { Arm, Experiment } from '../model.ts'

/** Maps texts to a number from 0 to below 1, evenly: the first 48 bits of their SHA-256. */
function fractionOf(...parts: readonly string[]): number {
  return Number.parseInt(hash('sha256', JSON.stringify(parts), 'hex').slice(0, 12), 16) / 2 ** 48
}

/** The same unit gets the same arm in every process, as long as the weights stay. */
export function chooseArm({ salt, arms }: Pick<Experiment, 'salt' | 'arms'>, unitId: string): Arm {
  const total = arms.reduce((sum, { weight }) => sum + weight, 0)
  let left = fractionOf(salt, unitId) * total
  for (const arm of arms) {
    left -= arm.weight
    if (left < 0) return arm
  }
  // Rounding may leave a remainder.
  return arms.at(-1) as Arm
}

/** Whether the other arms also answer this turn. */
export function isShadowTurn(
  { salt, shadow_share }: Pick<Experiment, 'salt' | 'shadow_share'>,
  unitId: string,
  turn: string,
): boolean {
  return fractionOf(salt, 'shadow', unitId, turn) < shadow_share
}
