/** Ends a command with exit code 1 and this message, without a stack trace. */
export class CliError extends Error {
  override readonly name = 'CliError'
}

/** Runs a command. Its result is the exit code. */
export async function runCommand(main: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await main()
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (!(error instanceof CliError || code.startsWith('ERR_PARSE_ARGS'))) throw error
    console.error((error as Error).message)
    process.exitCode = 1
  }
}

/** The value of an option. @throws {CliError} if it is missing */
export function required(option: string, expected: string, value: string | undefined): string {
  if (value === undefined) throw new CliError(`${option}: expected ${expected}, got nothing`)
  return value
}
