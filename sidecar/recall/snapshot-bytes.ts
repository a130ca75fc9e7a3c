import { promisify } from 'node:util'
import { constants, zstdCompress, zstdDecompress } from 'node:zlib'
import type { Memory } from '../memory/memory.ts'
import type { Held } from '../memory/repositories/memories.ts'

/** What a snapshot must be of to be of use. */
export interface SnapshotIdentity {
  scope: string
  /** Name of the embedder, and the length of its vectors. */
  embedder: string
  dimensions: number
  epoch: number
}

/**
 * Stands before every snapshot; the digit moves when those of before can be read no more, or when memories or vectors
 * mean something else.
 */
const MAGIC = Buffer.from('HCS1')

/** Most bytes that a snapshot may be unpacked to: what somebody else put there may be small and unpack to anything. */
const MAX_UNPACKED = 256 * 1024 * 1024

interface Head extends SnapshotIdentity {
  memories: Memory[]
}

const [pack, unpack] = [promisify(zstdCompress), promisify(zstdDecompress)]

/**
 * The memories of a scope as bytes: after the magic, packed with Zstandard and its checksum, the length of the head
 * (32 bits), the head as JSON, and the vectors as 32-bit floats, little-endian. Terms are left out: reading them out of
 * the texts again takes 20 µs a memory, and every release reads them its own way.
 *
 * `undefined` where a memory has no vector of that length.
 */
export async function encodeSnapshot(
  identity: SnapshotIdentity,
  held: readonly Held[],
): Promise<Uint8Array | undefined> {
  const { dimensions } = identity
  if (held.some(({ dense }) => dense?.length !== dimensions)) return undefined
  const json = JSON.stringify({ ...identity, memories: held.map(({ memory }) => memory) } satisfies Head)
  const length = Buffer.byteLength(json)
  const start = 4 + length
  const plain = Buffer.alloc(start + held.length * dimensions * 4)
  plain.writeUInt32LE(length)
  plain.write(json, 4)
  for (const [i, { dense }] of held.entries()) {
    const { buffer, byteOffset, byteLength } = dense as Float32Array
    plain.set(new Uint8Array(buffer, byteOffset, byteLength), start + i * dimensions * 4)
  }
  const params = { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 }
  return Buffer.concat([MAGIC, await pack(plain, { params })])
}

/** `undefined` for what `encodeSnapshot` did not write for this scope, epoch and embedder. */
export async function decodeSnapshot(
  value: Uint8Array,
  identity: SnapshotIdentity,
): Promise<Held[] | undefined> {
  if (MAGIC.compare(value.subarray(0, MAGIC.length)) !== 0) return undefined
  try {
    const plain = await unpack(value.subarray(MAGIC.length), { maxOutputLength: MAX_UNPACKED })
    const length = plain.readUInt32LE()
    const head = JSON.parse(plain.toString('utf8', 4, 4 + length)) as Partial<Head>
    const isOurs = (['scope', 'embedder', 'dimensions', 'epoch'] as const).every(
      (field) => head[field] === identity[field],
    )
    const { memories } = head
    if (!isOurs || !Array.isArray(memories)) return undefined
    const { dimensions } = identity
    const bytes = plain.subarray(4 + length)
    if (bytes.byteLength !== memories.length * dimensions * 4) return undefined
    // Into memory of their own: what is unpacked may begin anywhere.
    const vectors = new Float32Array(memories.length * dimensions)
    new Uint8Array(vectors.buffer).set(bytes)
    return memories.map((memory, i) => ({
      memory,
      dense: vectors.subarray(i * dimensions, (i + 1) * dimensions),
    }))
  } catch {
    return undefined
  }
}
