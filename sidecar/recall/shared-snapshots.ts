import type { Held } from '../memory/repositories/memories.ts'
import { CacheUnavailable } from '../ports/cache-store.ts'
import type { Embedder } from '../ports/embedder.ts'
import type { Lease, ScopeState } from '../ports/scope-state.ts'
import { decodeSnapshot, encodeSnapshot } from './snapshot-bytes.ts'

export interface SharedSnapshotsOptions {
  state: Pick<ScopeState, 'readSnapshot' | 'fillSnapshot' | 'lease'>
  /** Whether the counters of a scope tell of all its changes. */
  isSettled: (scope: string) => boolean
  embedder: Pick<Embedder, 'name' | 'dimensions'>
  /** Milliseconds that one waits for a snapshot that another process builds. */
  waitMs?: number
}

/** What was read of a scope: its epoch, and a snapshot of that epoch if there is one and it was not known. */
export interface SharedRead {
  epoch: number
  value: Uint8Array | undefined
}

export interface Obtained {
  held: Held[]
  /** Of which every change is known. */
  epoch: number
  /** Whether another process had shared it. */
  isLoaded: boolean
}

/** Key of the lease within its scope; those of blocks are hexadecimal. */
const LEASE = 'snapshot'
/** How often one who waits for another process looks whether the snapshot is there, milliseconds. */
const POLL_MS = 20
const TTL_MS = 86_400_000
/** What is larger stays in the process: one value of that size holds up everybody else on the same Redis. */
const MAX_BYTES = 16 * 1024 * 1024

/**
 * Snapshots that processes build for one another, each bound to the epoch that was read before the store was. All but
 * `obtain`'s own reading of the store rejects with `CacheUnavailable` when it cannot be known what is up to date.
 */
export class SharedSnapshots {
  readonly #options: SharedSnapshotsOptions

  constructor(options: SharedSnapshotsOptions) {
    this.#options = options
  }

  /** One small read where `known` is the epoch of now. */
  async read(scope: string, known: number | undefined): Promise<SharedRead> {
    const { state, isSettled } = this.#options
    if (!isSettled(scope)) {
      throw new CacheUnavailable('refused', 'not all changes of this scope have been told to the scope state')
    }
    const { counters, value } = await state.readSnapshot(scope, known)
    return { epoch: counters.epoch, value }
  }

  /**
   * The memories of a scope: as shared, or else from the store, and shared then. While another process is reading the
   * store it is waited for; one that seems stuck is not.
   */
  async obtain(scope: string, first: SharedRead, scan: () => Promise<Held[]>): Promise<Obtained> {
    const { state, waitMs = 500 } = this.#options
    let read = first
    let lease: Lease | undefined
    let waited = 0
    try {
      for (;;) {
        const held = read.value && (await decodeSnapshot(read.value, this.#identity(scope, read.epoch)))
        if (held) return { held, epoch: read.epoch, isLoaded: true }
        if (lease || waited >= waitMs) break
        lease = await state.lease(scope, LEASE, 2 * waitMs)
        if (!lease) await new Promise((resolve) => setTimeout(resolve, POLL_MS))
        waited += POLL_MS
        read = await this.read(scope, undefined)
      }
      const held = await scan()
      this.#share(scope, read.epoch, held, lease)
      lease = undefined
      return { held, epoch: read.epoch, isLoaded: false }
    } finally {
      void lease?.release().catch(() => {})
    }
  }

  /** Nobody waits for it. The lease is held until it is there. */
  #share(scope: string, epoch: number, held: Held[], lease: Lease | undefined): void {
    const share = async () => {
      try {
        const value = await encodeSnapshot(this.#identity(scope, epoch), held)
        if (!value || value.byteLength > MAX_BYTES) return
        await this.#options.state.fillSnapshot(scope, value, TTL_MS, epoch)
      } finally {
        await lease?.release()
      }
    }
    // What could not be shared is built by whoever needs it.
    share().catch(() => {})
  }

  #identity(scope: string, epoch: number) {
    const { name, dimensions } = this.#options.embedder
    return { scope, epoch, embedder: name, dimensions }
  }
}
