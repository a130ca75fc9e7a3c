import { RegistrationError, TransportClosedError } from '../errors.ts'
import { systemTimers, type Timers } from '../timers.ts'
import { connectTcp, type TcpConnection, type TcpConnectionOptions } from './tcp-connection.ts'
import { createSharedAbort, type Transport } from './transport.ts'

export interface TcpOptions extends TcpConnectionOptions {
  timers?: Timers
  /** Consecutive failed or short-lived connections before giving up. Default 10. */
  maxAttempts?: number
  /** The delay doubles from `first` to `max`. Default 1 s to 30 s. */
  backoffMs?: { first: number; max: number }
  /** A connection of this duration, or with a request, resets the count of failures. Default 10 s. */
  stableMs?: number
}

/**
 * Remote debugging: registers the plugin with a daemon over TCP and then uses the stdio protocol. Reconnects and
 * registers again after a lost connection; a rejection by the daemon ends the transport with its message.
 */
export function createTcpTransport(options: TcpOptions): Transport {
  const timers = options.timers ?? systemTimers
  const maxAttempts = options.maxAttempts ?? 10
  const backoff = options.backoffMs ?? { first: 1_000, max: 30_000 }
  const address = `${options.host}:${options.port}`
  const closing = createSharedAbort()
  let current: TcpConnection | null = null
  let failures = 0

  /** Opens one connection. Resolves when it is registered. */
  async function connect(): Promise<void> {
    const connection = await connectTcp(options, timers, closing.signal, {
      onLine(line, channel) {
        failures = 0
        transport.onLine?.(line, channel)
      },
      onOversize: (oversize, channel) => transport.onOversize?.(oversize, channel),
    })
    current = connection
    const cancelStable = timers.after(options.stableMs ?? 10_000, () => {
      failures = 0
    })
    connection.closed.then((reason) => {
      cancelStable()
      current = null
      if (closing.signal.aborted) return
      if (isFinal(reason)) transport.onEnd?.(reason)
      else reconnect(reason)
    }, ignore)
    transport.onNotice?.(`Connected to ${address} and registered; waiting for requests`)
  }

  async function connectWithRetries(): Promise<void> {
    for (;;) {
      try {
        return await connect()
      } catch (error) {
        const reason = error instanceof Error ? error : new Error(String(error))
        if (closing.signal.aborted || isFinal(reason)) throw reason
        await backOff(reason)
      }
    }
  }

  async function backOff(reason: Error): Promise<void> {
    failures += 1
    if (failures >= maxAttempts) {
      throw new TransportClosedError(`${address}: gave up after ${failures} attempts: ${reason.message}`, {
        cause: reason,
      })
    }
    const wait = Math.min(backoff.max, backoff.first * 2 ** (failures - 1))
    transport.onNotice?.(`${address}: ${reason.message}; retrying in ${wait / 1000} s`)
    await new Promise<void>((resolve) => {
      const wake = () => {
        cancel()
        closing.signal.removeEventListener('abort', wake)
        resolve()
      }
      const cancel = timers.after(wait, wake)
      closing.signal.addEventListener('abort', wake)
    })
    if (closing.signal.aborted) throw new TransportClosedError('The transport was closed', { cause: reason })
  }

  function reconnect(reason: Error) {
    backOff(reason)
      .then(connectWithRetries)
      .catch((error: Error) => {
        if (!closing.signal.aborted) transport.onEnd?.(error)
      })
  }

  const transport: Transport = {
    start: connectWithRetries,
    async send(frame) {
      await current?.channel.send(frame)
    },
    async close() {
      closing.abort(new TransportClosedError('The transport was closed'))
      await current?.close()
    },
  }
  return transport
}

/** A rejection is permanent for the same key and declarations, except by a busy daemon. */
function isFinal(reason: Error): boolean {
  return reason instanceof RegistrationError && !/server is busy/i.test(reason.message)
}

function ignore() {}
