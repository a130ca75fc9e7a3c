import type { TextOutput } from './command.ts'

const WIDTH = 30

/** Reports progress: one line that is redrawn on a terminal, one line per 10 % elsewhere. */
export function progressBar(label: string, out: TextOutput) {
  let drawnStep = -1
  let isLineOpen = false
  return {
    /** @param fraction from 0 to 1 */
    draw(fraction: number, note: string): void {
      const step = Math.floor(fraction * 10)
      if (step === drawnStep && !out.isTTY) return
      drawnStep = step
      const filled = Math.round(Math.min(1, fraction) * WIDTH)
      const bar = '█'.repeat(filled) + '·'.repeat(WIDTH - filled)
      const line = `${label} [${bar}] ${Math.floor(fraction * 100)} %  ${note}`
      out.write(out.isTTY ? `\r\u001b[K${line}` : `${line}\n`)
      isLineOpen = out.isTTY === true
    },
    /** Writes a line above the bar. */
    say(text: string): void {
      out.write(`${isLineOpen ? '\r\u001b[K' : ''}${text}\n`)
    },
    end(): void {
      if (isLineOpen) out.write('\n')
      isLineOpen = false
    },
  }
}

export type ProgressBar = ReturnType<typeof progressBar>
