/** Returns a signal that the first Ctrl-C aborts, so that a command can stop where it can continue later. */
export function abortOnInterrupt(): AbortSignal {
  const abort = new AbortController()
  process.on('SIGINT', () => {
    // A second Ctrl-C ends the process immediately.
    if (abort.signal.aborted) process.exit(130)
    abort.abort()
    console.error('\nStopping after the requests in flight …')
  })
  return abort.signal
}
