import { startRedis } from '../../test/helpers/redis-server.ts'

/** The Redis at `REDIS_URL`, or a temporary redis-server that stops with the stack. */
export async function redisUrlFor(stack: AsyncDisposableStack): Promise<string> {
  return process.env['REDIS_URL'] ?? stack.use(await startRedis()).url
}
