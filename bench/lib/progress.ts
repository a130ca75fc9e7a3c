const WIDTH = 30

/** Prints a progress bar on stderr: one line that is redrawn on a terminal, else one line per tenth. */
export function progress(label: string, total: number, out: NodeJS.WriteStream = process.stderr) {
  let done = 0
  let drawn = -1
  return {
    tick(): void {
      done += 1
      const step = Math.floor((done / total) * (out.isTTY ? 200 : 10))
      if (step === drawn && done < total) return
      drawn = step
      const filled = Math.round((done / total) * WIDTH)
      const line = `${label} [${'█'.repeat(filled)}${'·'.repeat(WIDTH - filled)}] ${done}/${total}`
      out.write(out.isTTY ? `\r${line}${done === total ? '\n' : ''}` : `${line}\n`)
    },
  }
}
