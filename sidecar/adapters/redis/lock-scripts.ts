import { script } from './scripts.ts'

/** Values of the state key: the lock is held or its holder died; the lock was released in good order. */
const [HELD, FREE] = ['held', 'free']

/**
 * KEYS: the lock; waiters by arrival time (microseconds); waiters by time of their last request (milliseconds); the
 * state. ARGV: token; TTL of the lease; time after which a silent waiter is removed; TTL of the state; all milliseconds.
 *
 * Returns {1, previous state}, or {0, number of earlier waiters}.
 */
export const ACQUIRE = script(
  'acquireLock',
  `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local silent = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now - tonumber(ARGV[3]))
for _, one in ipairs(silent) do
  redis.call('ZREM', KEYS[2], one)
  redis.call('ZREM', KEYS[3], one)
end
if redis.call('EXISTS', KEYS[1]) == 0 then
  local first = redis.call('ZRANGE', KEYS[2], 0, 0)[1]
  if not first or first == ARGV[1] then
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
    redis.call('ZREM', KEYS[2], ARGV[1])
    redis.call('ZREM', KEYS[3], ARGV[1])
    local state = redis.call('GET', KEYS[4])
    redis.call('SET', KEYS[4], '${HELD}', 'PX', ARGV[4])
    return {1, state or ''}
  end
end
local arrival = string.format('%.0f', tonumber(time[1]) * 1000000 + tonumber(time[2]))
redis.call('ZADD', KEYS[2], 'NX', arrival, ARGV[1])
redis.call('ZADD', KEYS[3], string.format('%.0f', now), ARGV[1])
redis.call('PEXPIRE', KEYS[2], 10 * ARGV[3])
redis.call('PEXPIRE', KEYS[3], 10 * ARGV[3])
return {0, redis.call('ZRANK', KEYS[2], ARGV[1])}`,
)

/** KEYS[1]: the lock. ARGV: token; TTL, milliseconds. Returns 1 if the token still holds the lock. */
export const RENEW = script(
  'renewLock',
  `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`,
)

/**
 * Releases a lock or a place among the waiters. KEYS as for `ACQUIRE`. ARGV: token; TTL of the state `free`, milliseconds, or
 * 0 if the scope was not left in good order.
 */
export const RELEASE = script(
  'releaseLock',
  `
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
if ARGV[2] ~= '0' then redis.call('SET', KEYS[4], '${FREE}', 'PX', ARGV[2]) end
return 1`,
)
