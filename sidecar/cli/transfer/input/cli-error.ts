/** Ends a command with exit code 1 and this message, without a stack trace. */
export class CliError extends Error {
  override readonly name = 'CliError'
}

/** The value of an option. @throws {CliError} if it is missing */
export function required(option: string, expected: string, value: string | undefined): string {
  if (value === undefined) throw new CliError(`${option}: expected ${expected}, got nothing`)
  return value
}
