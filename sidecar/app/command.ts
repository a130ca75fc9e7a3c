/**
 * Prints the result of a command, or its error with exit code 1.
 * @param run what it adds to `resources` is closed at the end
 */
export async function runCommand(run: (resources: AsyncDisposableStack) => Promise<string>): Promise<void> {
  try {
    await using resources = new AsyncDisposableStack()
    console.log(await run(resources))
  } catch (error) {
    // A progress line may be open.
    console.error(`\n${error instanceof Error ? error.message : String(error)}`)
    process.exitCode = 1
  }
}
