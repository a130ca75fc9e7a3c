import { createHash } from 'node:crypto'
import { MAX_TURNS } from '../../ports/scope-state.ts'
import type { RedisClient } from './client.ts'

const DAY_MS = 86_400_000
/** After the last change until the counters of a scope are gone. */
const COUNTERS_TTL_MS = 30 * DAY_MS
/** After the last new turn, or a tenth less, until the turns of a conversation are gone. */
const TURNS_TTL_MS = 7 * DAY_MS

/**
 * A step that Redis does at one moment. Keys are all of one scope, thus of one slot, and each is handed over as such:
 * a cluster runs no script on keys that it was not told of.
 */
export interface Script {
  text: string
  sha1: string
}

export type Argument = string | number

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

function isUnknown(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT')
}

export function script(...parts: readonly string[]): Script {
  const text = parts.join('\n')
  return { text, sha1: createHash('sha1').update(text).digest('hex') }
}

/**
 * KEYS[1]: the counters. ARGV: the epoch and the fence that the caller saw here last; the greatest counter that it knows
 * of anywhere.
 *
 * Counters that are missing begin at the clock. So do some that are less than they were before: a replica that became
 * master had not heard of what was acknowledged.
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
redis.call('PEXPIRE', KEYS[1], ${COUNTERS_TTL_MS})
return held`,
)

/** ARGV[4]: `fence` or `epoch`. */
export const BUMP = script(COUNTERS, `return bump(ARGV[4] == 'fence')`)

/**
 * What stands in a hash from the number of a turn to `recalled:added`, either empty. A turn that is new there lengthens
 * its life, once a tenth of it has gone: this is on the way of every recall, and each call takes Redis some microseconds.
 * What stands in the index is the part of the key that follows the scope.
 * @param args in Lua: 'recalled' or 'added', the turn, the time
 */
const noteTurn = (hash: string, index: string, args: string) => `
local what, turn, at = ${args}
local seen = redis.call('HGET', ${hash}, turn) or ':'
local colon = string.find(seen, ':', 1, true)
local recalled, added = string.sub(seen, 1, colon - 1), string.sub(seen, colon + 1)
local function later(before) return before ~= '' and tonumber(before) > tonumber(at) and before or at end
if what == 'recalled' then recalled = later(recalled) else added = later(added) end
if redis.call('HSET', ${hash}, turn, recalled .. ':' .. added) == 1 then
  if redis.call('HLEN', ${hash}) > ${MAX_TURNS} then
    local least
    for _, one in ipairs(redis.call('HKEYS', ${hash})) do
      if not least or tonumber(one) < tonumber(least) then least = one end
    end
    redis.call('HDEL', ${hash}, least)
  end
  if redis.call('PTTL', ${hash}) < ${0.9 * TURNS_TTL_MS} then
    redis.call('PEXPIRE', ${hash}, ${TURNS_TTL_MS})
    index(${index}, string.sub(${hash}, string.find(${hash}, '}', 1, true) + 1), ${TURNS_TTL_MS})
  end
end`

/**
 * KEYS[1]: the counters; KEYS[2]: the block. ARGV[1]: the head of the block, where the caller has it. Answers the
 * counters as they are, and the block, or 1 where it begins with that head, which names one filling.
 */
const BLOCK = `
local held = redis.call('HMGET', KEYS[1], 'epoch', 'fence')
local head = ARGV[1]
if head ~= '' and redis.call('GETRANGE', KEYS[2], 0, #head - 1) == head then return {held[1], held[2], 1} end
return {held[1], held[2], redis.call('GET', KEYS[2])}`

export const READ = script(BLOCK)

/** The same, and notes a turn. KEYS[3]: its conversation; KEYS[4]: the index. ARGV[2]: the turn, and the time. */
export const READ_AND_NOTE = script(
  INDEX,
  noteTurn('KEYS[3]', 'KEYS[4]', `'recalled', ARGV[2], ARGV[3]`),
  BLOCK,
)

/** KEYS[2]: the block; KEYS[3]: the index. ARGV[4]: the fence it was begun at; the block; its life; its index entry. */
export const FILL = script(
  COUNTERS,
  INDEX,
  `
local held = counters()
local stored = 0
if held[2] == ARGV[4] then
  redis.call('SET', KEYS[2], ARGV[5], 'PX', ARGV[6])
  index(KEYS[3], ARGV[7], ARGV[6])
  redis.call('PEXPIRE', KEYS[1], ${COUNTERS_TTL_MS})
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

/** KEYS[1]: the conversation; KEYS[2]: the index. ARGV: `recalled` or `added`, the turn, the time. */
export const NOTE_TURN = script(INDEX, noteTurn('KEYS[1]', 'KEYS[2]', 'unpack(ARGV)'), 'return 1')
