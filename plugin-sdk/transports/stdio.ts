import type { Readable } from 'node:stream'
import { createLineReader } from '../line-reader.ts'
import { type ByteSink, createLineWriter } from '../line-writer.ts'
import { encodeFrame } from '../protocol.ts'
import { systemTimers, type Timers } from '../timers.ts'
import { type Channel, createSharedAbort, startHeartbeat, type Transport } from './transport.ts'

export interface StdioOptions {
  input: Readable
  /** For frames only; see `reserveStdout`. */
  output: ByteSink
  heartbeatMs?: number
  timers?: Timers
  maxFrameBytes?: number
  maxRequestBytes?: number
}

/** The local runtime: requests on stdin, frames on stdout, one JSON document per line. */
export function createStdioTransport(options: StdioOptions): Transport {
  const abort = createSharedAbort()
  const { maxFrameBytes } = options
  const writer = createLineWriter(
    options.output,
    maxFrameBytes === undefined ? {} : { maxBytes: maxFrameBytes },
  )
  let stopHeartbeat: () => void = () => {}
  let ended = false
  let stopReading: () => void = () => {}

  const channel: Channel = {
    signal: abort.signal,
    send: async (frame) => writer.write(encodeFrame(frame, maxFrameBytes)),
  }

  function end(error?: Error) {
    if (ended) return
    ended = true
    transport.onEnd?.(error)
  }

  function fail(error: Error) {
    abort.abort(error)
    writer.close(error)
    end(error)
  }

  const transport: Transport = {
    async start() {
      const reader = createLineReader({
        onLine: (line) => transport.onLine?.(line, channel),
        onOversize: (oversize) => transport.onOversize?.(oversize, channel),
        ...(options.maxRequestBytes === undefined ? {} : { maxBytes: options.maxRequestBytes }),
      })
      options.output.on('error', fail)
      options.output.on('close', () => fail(new Error('stdout was closed')))
      // The daemon treats the first heartbeat as "started", so it is sent before reading.
      stopHeartbeat = startHeartbeat(channel.send, options.timers ?? systemTimers, options.heartbeatMs)
      const onData = (chunk: Uint8Array) => reader.push(chunk)
      const onInputEnd = () => {
        reader.end()
        end()
      }
      options.input.on('data', onData)
      options.input.once('end', onInputEnd)
      options.input.once('close', () => end())
      options.input.once('error', (error) => end(error))
      stopReading = () => {
        options.input.off('data', onData)
        options.input.off('end', onInputEnd)
        options.input.pause()
      }
    },
    send: channel.send,
    async close() {
      ended = true
      stopReading()
      stopHeartbeat()
      await writer.flush()
      writer.close()
      abort.abort()
    },
  }
  return transport
}

/**
 * Reserves stdout for frames: other writes, such as `console.log`, go to stderr, because the daemon would drop such a
 * line at best.
 */
export function reserveStdout(
  process: { stdout: NodeJS.WriteStream; stderr: NodeJS.WriteStream } = globalThis.process,
): ByteSink {
  const { stdout, stderr } = process
  const write = stdout.write.bind(stdout)
  stdout.write = stderr.write.bind(stderr) as typeof stdout.write
  return {
    write: (chunk, done) => write(chunk, done),
    on: (event: string, listener: (...args: never[]) => void) => stdout.on(event, listener as () => void),
  }
}
