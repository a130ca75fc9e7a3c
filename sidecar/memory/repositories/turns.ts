import { z } from 'zod'
import type { Write } from '../../ports/records.ts'
import { type Turn, turnFields } from '../model/turns.ts'
import { recordsOf } from './record.ts'

const turns = recordsOf('turns', z.looseObject(turnFields(z.number())), (turn): Turn => turn)

export const { get: getTurn, scroll: scrollTurns } = turns

export function putTurn(scope: string, turn: Turn): Write {
  return turns.put(scope, turn.id, turn.created_at * 1000, turn)
}
