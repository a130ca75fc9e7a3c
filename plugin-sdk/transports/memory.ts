import { TransportClosedError } from '../errors.ts'
import { encodeFrame, type Frame } from '../protocol.ts'
import { createSharedAbort, type Transport } from './transport.ts'

/** The daemon's side of a linked pair. */
export interface MemoryDaemon {
  /** Every frame the plugin sent so far, as it would read after a trip over the wire. */
  readonly frames: readonly Frame[]
  /** Hands one line to the plugin; an object is written as JSON first. */
  send(line: string | object): void
  /** Resolves with the session's frames once its `end` came. */
  session(sessionId: string): Promise<Frame[]>
  /** No more requests: what a closed stdin is to a real plugin. */
  end(): void
}

/** A transport without a wire, for tests: frames still go through the encoder, with its limits. */
export function createMemoryPair(options: { maxFrameBytes?: number } = {}): {
  transport: Transport
  daemon: MemoryDaemon
} {
  const frames: Frame[] = []
  const watchers = new Set<() => void>()
  const abort = createSharedAbort()
  let started = false
  let ended = false

  const transport: Transport = {
    async start() {
      started = true
    },
    async send(frame) {
      const line = encodeFrame(frame, options.maxFrameBytes)
      if (abort.signal.aborted) throw new TransportClosedError('The memory transport is closed')
      frames.push(JSON.parse(line) as Frame)
      for (const watcher of watchers) watcher()
    },
    async close() {
      abort.abort(new TransportClosedError('The memory transport is closed'))
    },
  }
  const channel = { send: transport.send, signal: abort.signal }

  const daemon: MemoryDaemon = {
    frames,
    send(line) {
      if (!started || ended) throw new Error('The memory transport takes lines between start and end only')
      transport.onLine?.(typeof line === 'string' ? line : JSON.stringify(line), channel)
    },
    session(sessionId) {
      return new Promise((resolve) => {
        const watcher = () => {
          const own = frames.filter((frame) => frame.session_id === sessionId)
          if (!own.some((frame) => frame.event === 'session' && frame.data.type === 'end')) return
          watchers.delete(watcher)
          resolve(own)
        }
        watchers.add(watcher)
        watcher()
      })
    },
    end() {
      if (ended) return
      ended = true
      transport.onEnd?.()
    },
  }
  return { transport, daemon }
}
