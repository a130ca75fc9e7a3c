import type { Api } from '../../shared/operation.ts'
import type { HttpServices } from '../../shared/services.ts'
import { addMem0Routes } from './add.ts'
import { changeMem0Routes } from './change.ts'
import { readMem0Routes } from './read.ts'
import { userMem0Routes } from './users.ts'

/** The REST API of mem0 under `/mem0`, as its official clients call it. */
export function mem0Routes(api: Api, services: HttpServices): void {
  addMem0Routes(api, services)
  readMem0Routes(api, services)
  changeMem0Routes(api, services)
  userMem0Routes(api, services)
}
