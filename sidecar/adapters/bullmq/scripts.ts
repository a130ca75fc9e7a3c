import { script } from '../redis/scope-state-scripts.ts'

/**
 * KEYS[1]: wishes by time. ARGV: time, key. Answers the earliest wish for the key, and whether it is this one.
 */
export const WISH = script(`
local changed = redis.call('ZADD', KEYS[1], 'LT', 'CH', ARGV[1], ARGV[2])
return {changed, redis.call('ZSCORE', KEYS[1], ARGV[2])}`)

/**
 * KEYS: wishes, runs by key. ARGV: now, key, token of the run. Answers 'run'; the time of a wish that is not due; or
 * nothing. Whoever has the job of a key that somebody else was running takes the run over.
 */
export const BEGIN = script(`
local at = redis.call('ZSCORE', KEYS[1], ARGV[2])
local isDue = at and tonumber(at) <= tonumber(ARGV[1])
if isDue then redis.call('ZREM', KEYS[1], ARGV[2]) end
if isDue or redis.call('HEXISTS', KEYS[2], ARGV[2]) == 1 then
  redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
  return 'run'
end
return at`)

/**
 * KEYS: wishes, runs by key. ARGV: key, token of the run, time of the next or ''. Answers the time of the next run, if
 * one is wanted. Of a run that was taken over only its wish counts.
 */
export const END = script(`
if redis.call('HGET', KEYS[2], ARGV[1]) == ARGV[2] then redis.call('HDEL', KEYS[2], ARGV[1]) end
if ARGV[3] ~= '' then redis.call('ZADD', KEYS[1], 'LT', ARGV[3], ARGV[1]) end
return redis.call('ZSCORE', KEYS[1], ARGV[1])`)
