import { createHash } from 'node:crypto'
import { z } from 'zod'
import { BackwardsInvocationError } from '../errors.ts'
import type { BackwardsCalls } from './calls.ts'

/**
 * The storage of the plugin in this workspace, which survives restarts and upgrades. It has no transactions, and the
 * daemon limits its total size to `storage.size` of the manifest. Needs the permission `storage`.
 */
export interface Storage {
  /** Resolves with `undefined` for a key without a value. */
  get(key: string): Promise<Uint8Array | undefined>
  /** Throws `BackwardsInvocationError` when the value was not accepted; an earlier value may be lost then. */
  set(key: string, value: Uint8Array): Promise<void>
  delete(key: string): Promise<void>
}

/** Values are sent as hex on one line, which must stay below the daemon's limit of 5,242,880 bytes. */
export const MAX_STORED_BYTES = 2_400_000

const Stored = z.looseObject({ data: z.string().regex(/^([0-9a-f]{2})*$/i) })
const Existing = z.looseObject({ data: z.boolean() })

export function createStorage({ call }: Pick<BackwardsCalls, 'call'>): Storage {
  async function run<T extends z.ZodType>(schema: T, request: object): Promise<z.output<T>> {
    for await (const data of call('storage', request)) {
      const parsed = schema.safeParse(data)
      if (parsed.success) return parsed.data
      break
    }
    throw new BackwardsInvocationError('storage: expected another answer of Dify')
  }

  const exists = async (key: string) => (await run(Existing, { opt: 'exist', key })).data

  return {
    async get(name) {
      const key = toKey(name)
      // The daemon reports a missing key as an error with no code of its own.
      if (!(await exists(key))) return undefined
      const { data } = await run(Stored, { opt: 'get', key })
      return Buffer.from(data, 'hex')
    },
    async set(name, value) {
      if (value.length > MAX_STORED_BYTES) {
        const message = `storage: expected a value of at most ${MAX_STORED_BYTES} bytes, got ${value.length}`
        throw new BackwardsInvocationError(message)
      }
      await run(z.unknown(), { opt: 'set', key: toKey(name), value: Buffer.from(value).toString('hex') })
    },
    async delete(name) {
      const key = toKey(name)
      if (await exists(key)) await run(z.unknown(), { opt: 'del', key })
    },
  }
}

/** The daemon uses a key as a file path, in which `a` and `a/b`, or upper and lower case, may collide. */
function toKey(name: string): string {
  return createHash('sha256').update(name).digest('hex')
}
