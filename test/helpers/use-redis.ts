import { Redis } from 'ioredis'
import { afterAll, beforeAll } from 'vitest'
import { type RedisServer, startRedis } from './redis-server.ts'

/** Starts a Redis for all cases of one `describe`, and a client to inspect it. */
export function useRedis() {
  let server: RedisServer | undefined
  let admin: Redis | undefined
  beforeAll(async () => {
    server = await startRedis()
    admin = new Redis(server.url)
  })
  afterAll(async () => {
    admin?.disconnect()
    await server?.[Symbol.asyncDispose]()
  })
  return {
    get server() {
      return server as RedisServer
    },
    get admin() {
      return admin as Redis
    },
    get url() {
      return (server as RedisServer).url
    },
  }
}
