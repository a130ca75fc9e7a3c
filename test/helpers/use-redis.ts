import { Redis } from 'ioredis'
import { afterAll, beforeAll } from 'vitest'
import { type RedisServer, startRedis } from './redis-server.ts'

/** A Redis for the cases of one `describe`, and a client of its own to look into it; both there from the first case on. */
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
