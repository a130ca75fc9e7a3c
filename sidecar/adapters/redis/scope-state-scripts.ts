import { MAX_TURNS } from '../../ports/scope-state.ts'

const DAY_MS = 86_400_000
/** TTL of the counters of a scope, renewed with each change. */
const COUNTERS_TTL_MS = 30 * DAY_MS
/** TTL of the turns of a conversation, renewed with each new turn. */
const TURNS_TTL_MS = 7 * DAY_MS

/**
 * KEYS[1]: counters. ARGV: last epoch and fence that the caller saw for this scope; greatest counter that it saw anywhere.
 *
 * Missing counters start at the clock. So do counters below those seen before: after a failover the new master may lack
 * acknowledged writes.
 */
const COUNTERS = `
local function counters()
  local held = redis.call('HMGET', KEYS[1], 'epoch', 'fence')
  local epoch, fence = tonumber(held[1] or ''), tonumber(held[2] or '')
  if epoch and fence and epoch >= tonumber(ARGV[1]) and fence >= tonumber(ARGV[2]) then return held end
  local time = redis.call('TIME')
  local clock = tonumber(time[1]) * 1000000 + tonumber(time[2])
  local start = math.max(clock, tonumber(ARGV[3]) + 1, (epoch or 0) + 1, (fence or 0) + 1)
  local text = string.format('%.0f', start)
  redis.call('HSET', KEYS[1], 'epoch', text, 'fence', text)
  redis.call('PEXPIRE', KEYS[1], ${COUNTERS_TTL_MS})
  return {text, text}
end
local function bump(fence)
  counters()
  redis.call('HINCRBY', KEYS[1], 'epoch', 1)
  if fence then redis.call('HINCRBY', KEYS[1], 'fence', 1) end
  redis.call('PEXPIRE', KEYS[1], ${COUNTERS_TTL_MS})
  return redis.call('HMGET', KEYS[1], 'epoch', 'fence')
end`

/** The index of a scope lists its keys with their expiry times (milliseconds). */
const INDEX = `
local function index(key, member, ttl)
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
  redis.call('ZADD', key, string.format('%.0f', now + tonumber(ttl)), member)
  if redis.call('PTTL', key) < tonumber(ttl) then redis.call('PEXPIRE', key, ttl) end
end`

/** Renews a hash of a conversation in the index. Index members are key names without the scope prefix. */
const KEEP = `${INDEX}
local function keep(hash, members)
  redis.call('PEXPIRE', hash, ${TURNS_TTL_MS})
  index(members, string.sub(hash, string.find(hash, '}', 1, true) + 1), ${TURNS_TTL_MS})
end`

/**
 * Notes a turn in a hash from turn number to `recalled:added` (either may be empty) and bounds the hash.
 */
const NOTE = `${KEEP}
local function note(hash, members, what, turn, at)
  local seen = redis.call('HGET', hash, turn) or ':'
  local colon = string.find(seen, ':', 1, true)
  local recalled, added = string.sub(seen, 1, colon - 1), string.sub(seen, colon + 1)
  local function later(before) return before ~= '' and tonumber(before) > tonumber(at) and before or at end
  if what == 'recalled' then recalled = later(recalled) else added = later(added) end
  if redis.call('HSET', hash, turn, recalled .. ':' .. added) == 0 then return end
  if redis.call('HLEN', hash) > ${MAX_TURNS} then
    local least
    for _, one in ipairs(redis.call('HKEYS', hash)) do
      if not least or tonumber(one) < tonumber(least) then least = one end
    end
    redis.call('HDEL', hash, least)
  end
  keep(hash, members)
end`

export const READ_COUNTERS = `${COUNTERS}
local held = counters()
redis.call('PEXPIRE', KEYS[1], ${COUNTERS_TTL_MS})
return held`

/** ARGV[4]: `fence` or `epoch`. */
export const BUMP = `${COUNTERS}
return bump(ARGV[4] == 'fence')`

/**
 * KEYS[2]: the block. Returns the counters and the block.
 * Notes a recalled turn if given: KEYS[3]: conversation; KEYS[4]: index; ARGV[4]: turn, time.
 */
export const READ = `${COUNTERS}${NOTE}
local held = counters()
if KEYS[3] then note(KEYS[3], KEYS[4], 'recalled', ARGV[4], ARGV[5]) end
return {held[1], held[2], redis.call('GET', KEYS[2])}`

/** KEYS[2]: block; KEYS[3]: index. ARGV[4]: expected fence; block; TTL; index member. */
export const FILL = `${COUNTERS}${INDEX}
local held = counters()
if held[2] ~= ARGV[4] then return {held[1], held[2], 0} end
redis.call('SET', KEYS[2], ARGV[5], 'PX', ARGV[6])
index(KEYS[3], ARGV[7], ARGV[6])
redis.call('PEXPIRE', KEYS[1], ${COUNTERS_TTL_MS})
return {held[1], held[2], 1}`

/** KEYS[2]: index. Bumps the fence; returns the counters and the index members to delete. */
export const CLEAR = `${COUNTERS}
local held = bump(true)
return {held[1], held[2], redis.call('ZRANGE', KEYS[2], 0, -1)}`

/** KEYS[1]: index; KEYS[2…]: keys to delete. ARGV: their index members. */
export const DROP = `
redis.call('ZREM', KEYS[1], unpack(ARGV))
return redis.call('UNLINK', unpack(KEYS, 2))`

/** KEYS[1]: lease. ARGV[1]: token of the holder. */
export const RELEASE = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`

/** KEYS[1]: conversation; KEYS[2]: index. ARGV: `recalled` or `added`, turn, time. */
export const NOTE_TURN = `${NOTE}
note(KEYS[1], KEYS[2], unpack(ARGV))
return 1`

/** KEYS[1]: hash from call to turn; KEYS[2]: index. ARGV: call, least turn. Returns the turn of the call. */
export const COUNT_TURN = `${KEEP}
local turn = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '')
if not turn then
  local last, first = 0, nil
  local held = redis.call('HGETALL', KEYS[1])
  for i = 1, #held, 2 do
    local one = tonumber(held[i + 1])
    last = math.max(last, one)
    if not first or one < first.turn then first = {call = held[i], turn = one} end
  end
  turn = math.max(last + 1, tonumber(ARGV[2]))
  redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', turn))
  if #held / 2 >= ${MAX_TURNS} then redis.call('HDEL', KEYS[1], first.call) end
end
keep(KEYS[1], KEYS[2])
return string.format('%.0f', turn)`
