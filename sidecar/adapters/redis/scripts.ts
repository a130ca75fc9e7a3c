import type { RedisClient } from './client.ts'

/** A Lua script. All its keys belong to one scope and thus to one cluster slot. */
export interface Script {
  /** Name of the command that it is defined as; unique among the scripts of a client. */
  name: string
  lua: string
}

export type Argument = string | number | Buffer

type Command = (keyCount: number, ...args: readonly Argument[]) => Promise<unknown>

export function script(name: string, ...parts: readonly string[]): Script {
  return { name: `hippocache:${name}`, lua: parts.join('\n') }
}

/** Runs a script with EVALSHA; ioredis sends the script itself to a server that does not know it. */
export async function runScript(
  client: RedisClient,
  script: Script,
  keys: readonly string[],
  args: readonly Argument[],
): Promise<unknown> {
  return await commandOf(client, script)(keys.length, ...keys, ...args)
}

function commandOf(client: RedisClient, { name, lua }: Script): Command {
  const commands = client as unknown as Record<string, Command | undefined>
  if (!commands[name]) client.defineCommand(name, { lua })
  return (commands[name] as Command).bind(client)
}
