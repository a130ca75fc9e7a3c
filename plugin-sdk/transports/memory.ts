import { TransportClosedError } from '../errors.ts'
import { encodeFrame, type Frame, type Invocation, isInvocation } from '../protocol.ts'
import { createSharedAbort, type Transport } from './transport.ts'

/** The daemon's side of the pair. */
export interface MemoryDaemon {
  /** Every frame of the plugin so far, after encoding and decoding. */
  readonly frames: readonly Frame[]
  /** Sends one line to the plugin; an object is encoded as JSON. */
  send(line: string | object): void
  /** Resolves with the session's frames after its `end`. */
  session(sessionId: string): Promise<Frame[]>
  /** Ends the input, like a closed stdin. */
  end(): void
}

export interface MemoryPairOptions {
  maxFrameBytes?: number
  /** Returns the lines of the daemon for a call to Dify. Default: calls are not answered. */
  answerInvocation?: (sessionId: string, invocation: Invocation) => string[]
}

/** An in-memory transport for tests. Frames pass the encoder and its limits. */
export function createMemoryPair(options: MemoryPairOptions = {}): {
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
      if (!isInvocation(frame)) return
      const lines = options.answerInvocation?.(frame.session_id, frame.data.data) ?? []
      // The answer arrives after the call was written.
      setImmediate(() => {
        for (const answer of lines) transport.onLine?.(answer, channel)
      })
    },
    async close() {
      abort.abort(new TransportClosedError('The memory transport is closed'))
    },
  }
  const channel = { send: transport.send, signal: abort.signal }

  const daemon: MemoryDaemon = {
    frames,
    send(line) {
      if (!started || ended) throw new Error('The memory transport accepts lines only between start and end')
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
