/** KEYS[1]: due times. ARGV: time, key. Returns whether this is the earliest due time of the key, and the earliest. */
export const SCHEDULE = `
local changed = redis.call('ZADD', KEYS[1], 'LT', 'CH', ARGV[1], ARGV[2])
return {changed, redis.call('ZSCORE', KEYS[1], ARGV[2])}`

/**
 * KEYS: due times, runs by key. ARGV: now, key, token of the run. Returns 'run', the due time of a run that is not due,
 * or nothing. A job for a key with a run in progress takes over that run: its worker is dead or was stalled.
 */
export const BEGIN = `
local at = redis.call('ZSCORE', KEYS[1], ARGV[2])
local isDue = at and tonumber(at) <= tonumber(ARGV[1])
if isDue then redis.call('ZREM', KEYS[1], ARGV[2]) end
if isDue or redis.call('HEXISTS', KEYS[2], ARGV[2]) == 1 then
  redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
  return 'run'
end
return at`

/**
 * KEYS: due times, runs by key. ARGV: key, token of the run, time of the next run or ''. Returns the due time of the next
 * run, if there is one. A run that was taken over only adds its due time.
 */
export const END = `
if redis.call('HGET', KEYS[2], ARGV[1]) == ARGV[2] then redis.call('HDEL', KEYS[2], ARGV[1]) end
if ARGV[3] ~= '' then redis.call('ZADD', KEYS[1], 'LT', ARGV[3], ARGV[1]) end
return redis.call('ZSCORE', KEYS[1], ARGV[1])`
