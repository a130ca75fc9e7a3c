import type { RedisClient } from './client.ts'

type Command = (keyCount: number, ...keysAndArgs: readonly (string | number)[]) => Promise<unknown>

/** Names of the ioredis commands, by the text of their script. */
const names = new Map<string, string>()

/** Runs a Lua script atomically. ioredis sends its digest, and its text only to a server that does not know it. */
export async function runScript(
  client: RedisClient,
  lua: string,
  keys: readonly string[],
  args: readonly (string | number)[],
): Promise<unknown> {
  const name = names.get(lua) ?? `hippocacheScript${names.size}`
  names.set(lua, name)
  const commands = client as unknown as Record<string, Command | undefined>
  if (!commands[name]) client.defineCommand(name, { lua })
  return await (commands[name] as Command).call(client, keys.length, ...keys, ...args)
}
