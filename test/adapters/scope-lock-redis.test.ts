import { afterAll, beforeAll, describe } from 'vitest'
import { testContract } from '../contracts/contract.ts'
import { SCOPE_LOCK_CASES, SHARED_LOCK_CASES } from '../contracts/scope-lock.ts'
import { NEEDS, NO_REDIS, type RedisServer, startRedis } from '../helpers/redis-server.ts'
import { redisLockSubject } from '../helpers/scope-lock-subject.ts'

describe.skipIf(NO_REDIS)(`on Redis ${NEEDS}`, () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server[Symbol.asyncDispose]())

  testContract(
    'the Redis lock',
    [...SCOPE_LOCK_CASES, ...SHARED_LOCK_CASES],
    redisLockSubject(() => server.url),
  )
})
