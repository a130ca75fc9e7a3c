const WIDTH = 30

/** How far a long job is, on stderr: one line that is drawn over on a terminal, a line each tenth elsewhere. */
export function progressBar(
  label: string,
  out: Pick<NodeJS.WriteStream, 'write' | 'isTTY'> = process.stderr,
) {
  let drawn = -1
  let isOpen = false
  return {
    /** @param part from 0 to 1 */
    draw(part: number, note: string): void {
      const step = Math.floor(part * (out.isTTY ? 200 : 10))
      if (step === drawn && !out.isTTY) return
      drawn = step
      const filled = Math.round(Math.min(1, part) * WIDTH)
      const line = `${label} [${'█'.repeat(filled)}${'·'.repeat(WIDTH - filled)}] ${Math.floor(part * 100)} %  ${note}`
      out.write(out.isTTY ? `\r\u001b[K${line}` : `${line}\n`)
      isOpen = out.isTTY
    },
    /** A line of its own, above the bar. */
    say(text: string): void {
      out.write(`${isOpen ? '\r\u001b[K' : ''}${text}\n`)
    },
    end(): void {
      if (isOpen) out.write('\n')
      isOpen = false
    },
  }
}

export type ProgressBar = ReturnType<typeof progressBar>
