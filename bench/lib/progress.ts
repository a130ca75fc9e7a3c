const WIDTH = 30

export interface ProgressOptions {
  out?: NodeJS.WriteStream
  /** Printed after the bar. */
  suffix?: () => string
  /** Milliseconds. */
  now?: () => number
}

/**
 * Prints a progress bar with the estimated time that is left on stderr: one line that is redrawn on a terminal, else one
 * line per tenth.
 */
export function progress(
  label: string,
  total: number,
  { out = process.stderr, suffix = () => '', now = () => performance.now() }: ProgressOptions = {},
) {
  const started = now()
  let done = 0
  let drawn = -1
  return {
    tick(): void {
      done += 1
      const step = Math.floor((done / total) * (out.isTTY ? 200 : 10))
      if (step === drawn && done < total) return
      drawn = step
      const filled = Math.round((done / total) * WIDTH)
      const left = ((now() - started) / done) * (total - done)
      const parts = [`${done}/${total}`, ...(done < total ? [`${duration(left)} left`] : []), suffix()]
      const line = `${label} [${'█'.repeat(filled)}${'·'.repeat(WIDTH - filled)}] ${parts.filter(Boolean).join(', ')}`
      // Erases the rest of a longer line.
      out.write(out.isTTY ? `\r${line}\u001b[K${done === total ? '\n' : ''}` : `${line}\n`)
    },
  }
}

function duration(milliseconds: number): string {
  const seconds = Math.ceil(milliseconds / 1000)
  return seconds < 120 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`
}
