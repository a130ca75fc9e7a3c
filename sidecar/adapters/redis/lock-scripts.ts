import { script } from './scope-state-scripts.ts'

/** What stands in the mark of a lock that is held, or whose holder has died; and of one that ended in good order. */
const [HELD, FREE] = ['held', 'free']

/**
 * KEYS: the lock; who waits for it, by arrival (microseconds); when each of these asked last (milliseconds); the mark.
 * ARGV: who asks; the life of a lock; for how long one who asks no more keeps the place; the life of the mark;
 * milliseconds.
 *
 * Answers {1, the mark as it was}, or {0, how many are before}.
 */
export const ACQUIRE = script(`
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local gone = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now - tonumber(ARGV[3]))
for _, one in ipairs(gone) do
  redis.call('ZREM', KEYS[2], one)
  redis.call('ZREM', KEYS[3], one)
end
if redis.call('EXISTS', KEYS[1]) == 0 then
  local first = redis.call('ZRANGE', KEYS[2], 0, 0)[1]
  if not first or first == ARGV[1] then
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
    redis.call('ZREM', KEYS[2], ARGV[1])
    redis.call('ZREM', KEYS[3], ARGV[1])
    local mark = redis.call('GET', KEYS[4])
    redis.call('SET', KEYS[4], '${HELD}', 'PX', ARGV[4])
    return {1, mark or ''}
  end
end
local arrival = string.format('%.0f', tonumber(time[1]) * 1000000 + tonumber(time[2]))
redis.call('ZADD', KEYS[2], 'NX', arrival, ARGV[1])
redis.call('ZADD', KEYS[3], string.format('%.0f', now), ARGV[1])
redis.call('PEXPIRE', KEYS[2], 10 * ARGV[3])
redis.call('PEXPIRE', KEYS[3], 10 * ARGV[3])
return {0, redis.call('ZRANK', KEYS[2], ARGV[1])}`)

/** KEYS[1]: the lock. ARGV: whose; its life, milliseconds. Whether it is still theirs. */
export const RENEW = script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`)

/**
 * Gives a lock or a place in the line back. KEYS as for `ACQUIRE`. ARGV: whose; the life of the mark that it ended in
 * good order, milliseconds, or 0 where it did not.
 */
export const GIVE_BACK = script(`
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
if ARGV[2] ~= '0' then redis.call('SET', KEYS[4], '${FREE}', 'PX', ARGV[2]) end
return 1`)
