/** Ends a command with exit code 1 and this message, without a stack trace. */
export class CliError extends Error {
  override readonly name = 'CliError'
}

/** Runs a step that parses command-line options; any error becomes a `CliError`. */
export function parseOptions<T>(parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    throw error instanceof CliError ? error : new CliError((error as Error).message)
  }
}
