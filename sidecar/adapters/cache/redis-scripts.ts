import { createHash } from 'node:crypto'
import type { RedisClient } from './redis-client.ts'

/**
 * A step that Redis does at one moment. Keys are all of one scope, thus of one slot, and each is handed over as such:
 * a cluster runs no script on keys that it was not told of.
 */
export interface Script {
  text: string
  sha1: string
}

export type Argument = string | number | Buffer

/** Sends the script's digest, and the script itself to a server that does not know it: after a start or a failover. */
export async function runScript(
  client: RedisClient,
  { text, sha1 }: Script,
  keys: readonly string[],
  args: readonly Argument[],
): Promise<unknown> {
  try {
    return await client.evalsha(sha1, keys.length, ...keys, ...args)
  } catch (error) {
    if (!isUnknown(error)) throw error
    return await client.eval(text, keys.length, ...keys, ...args)
  }
}

/** The same, answered in bytes. */
export async function runBinaryScript(
  client: RedisClient,
  { text, sha1 }: Script,
  keys: readonly string[],
  args: readonly Argument[],
): Promise<unknown> {
  try {
    return await client.callBuffer('EVALSHA', sha1, keys.length, ...keys, ...args)
  } catch (error) {
    if (!isUnknown(error)) throw error
    return await client.callBuffer('EVAL', text, keys.length, ...keys, ...args)
  }
}

function isUnknown(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT')
}

export function script(...parts: readonly string[]): Script {
  const text = parts.join('\n')
  return { text, sha1: createHash('sha1').update(text).digest('hex') }
}

/**
 * KEYS[1]: the counters. ARGV: the greatest counter that the caller knows of anywhere; the epoch and the fence that it
 * saw here last; the life of counters, milliseconds.
 *
 * Counters that are missing begin at the clock. So do some that are less than they were before: a replica that became
 * master had not heard of what was acknowledged.
 */
const COUNTERS = `
local function counters()
  local held = redis.call('HMGET', KEYS[1], 'epoch', 'fence')
  if held[1] == ARGV[2] and held[2] == ARGV[3] then return held end
  local epoch, fence = tonumber(held[1] or ''), tonumber(held[2] or '')
  if epoch and fence and epoch >= tonumber(ARGV[2]) and fence >= tonumber(ARGV[3]) then return held end
  local time = redis.call('TIME')
  local clock = tonumber(time[1]) * 1000000 + tonumber(time[2])
  local start = math.max(clock, tonumber(ARGV[1]) + 1, (epoch or 0) + 1, (fence or 0) + 1)
  local text = string.format('%.0f', start)
  redis.call('HSET', KEYS[1], 'epoch', text, 'fence', text)
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
  return {text, text}
end
local function bump(fence)
  counters()
  redis.call('HINCRBY', KEYS[1], 'epoch', 1)
  if fence then redis.call('HINCRBY', KEYS[1], 'fence', 1) end
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
  return redis.call('HMGET', KEYS[1], 'epoch', 'fence')
end`

/** In the index of a scope stands what it holds, each with the moment at which it is gone (milliseconds). */
const INDEX = `
local function index(key, member, ttl)
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
  redis.call('ZADD', key, string.format('%.0f', now + tonumber(ttl)), member)
  if redis.call('PTTL', key) < tonumber(ttl) then redis.call('PEXPIRE', key, ttl) end
end`

export const READ_COUNTERS = script(
  COUNTERS,
  `
local held = counters()
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return held`,
)

/** ARGV[5]: `fence` or `epoch`. */
export const BUMP = script(COUNTERS, `return bump(ARGV[5] == 'fence')`)

/**
 * What stands in a hash from the number of a turn to `recalled:added`, either empty. A turn that is new there lengthens
 * its life, once a tenth of it has gone: this is on the way of every recall, and each call takes Redis some microseconds.
 * @param from the first of these in ARGV: turn, 1 for recalled and 2 for added, time, most turns, their life, index entry
 */
const noteTurn = (from: number, hash: string, index: string) => `
local turn, which, at, most, ttl, member = unpack(ARGV, ${from})
local seen = redis.call('HGET', ${hash}, turn) or ':'
local colon = string.find(seen, ':', 1, true)
local recalled, added = string.sub(seen, 1, colon - 1), string.sub(seen, colon + 1)
local function later(before) return before ~= '' and tonumber(before) > tonumber(at) and before or at end
if which == '1' then recalled = later(recalled) else added = later(added) end
if redis.call('HSET', ${hash}, turn, recalled .. ':' .. added) == 1 then
  if redis.call('HLEN', ${hash}) > tonumber(most) then
    local least
    for _, one in ipairs(redis.call('HKEYS', ${hash})) do
      if not least or tonumber(one) < tonumber(least) then least = one end
    end
    redis.call('HDEL', ${hash}, least)
  end
  if redis.call('PTTL', ${hash}) < 0.9 * tonumber(ttl) then
    redis.call('PEXPIRE', ${hash}, ttl)
    index(${index}, member, ttl)
  end
end`

/** A block, or 1 where it begins with what the caller says that it has: the head names one filling. */
const BLOCK = `
local function block(key, head)
  if head ~= '' and redis.call('GETRANGE', key, 0, #head - 1) == head then return 1 end
  return redis.call('GET', key)
end`

/** KEYS[2]: the block. ARGV[5]: its head, where the caller has it. */
export const READ = script(
  COUNTERS,
  BLOCK,
  `
local held = counters()
return {held[1], held[2], block(KEYS[2], ARGV[5])}`,
)

/** The same, and notes a turn. KEYS[3]: its conversation; KEYS[4]: the index. ARGV[6]: as `noteTurn` has it. */
export const READ_AND_NOTE = script(
  COUNTERS,
  INDEX,
  BLOCK,
  noteTurn(6, 'KEYS[3]', 'KEYS[4]'),
  `
local held = counters()
return {held[1], held[2], block(KEYS[2], ARGV[5])}`,
)

/** KEYS[2]: the block; KEYS[3]: the index. ARGV[5]: the fence it was begun at; the block; its life; its index entry. */
export const FILL = script(
  COUNTERS,
  INDEX,
  `
local held = counters()
local stored = 0
if held[2] == ARGV[5] then
  redis.call('SET', KEYS[2], ARGV[6], 'PX', ARGV[7])
  index(KEYS[3], ARGV[8], ARGV[7])
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
  stored = 1
end
return {held[1], held[2], stored}`,
)

/**
 * KEYS[2]: a hash of the snapshot and the epoch it was begun at. ARGV[5]: the epoch that the caller has, or nothing.
 * What somebody else keeps there is no snapshot.
 */
export const READ_SNAPSHOT = script(
  COUNTERS,
  `
local held = counters()
if held[1] == ARGV[5] or redis.pcall('HGET', KEYS[2], 'epoch') ~= held[1] then return {held[1], held[2]} end
return {held[1], held[2], redis.call('HGET', KEYS[2], 'value')}`,
)

/** KEYS[2]: as above; KEYS[3]: the index. ARGV[5]: the epoch it was begun at; the snapshot; its life; its index entry. */
export const FILL_SNAPSHOT = script(
  COUNTERS,
  INDEX,
  `
local held = counters()
local stored = 0
if held[1] == ARGV[5] then
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[2], 'epoch', ARGV[5], 'value', ARGV[6])
  redis.call('PEXPIRE', KEYS[2], ARGV[7])
  index(KEYS[3], ARGV[8], ARGV[7])
  stored = 1
end
return {held[1], held[2], stored}`,
)

/** KEYS[2]: the index. Answers the counters and what there is to drop. */
export const CLEAR = script(
  COUNTERS,
  `
local held = bump(true)
return {held[1], held[2], redis.call('ZRANGE', KEYS[2], 0, -1)}`,
)

/** KEYS[1]: the index; the others: what stands there under ARGV. */
export const DROP = script(`
redis.call('ZREM', KEYS[1], unpack(ARGV))
return redis.call('UNLINK', unpack(KEYS, 2))`)

/** KEYS[1]: the lease. ARGV[1]: whose. */
export const RELEASE = script(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`)

/** KEYS[1]: the conversation; KEYS[2]: the index. ARGV: as `noteTurn` has it. */
export const NOTE_TURN = script(INDEX, noteTurn(1, 'KEYS[1]', 'KEYS[2]'), 'return 1')
