import type { WriteStream } from 'node:tty'
import { CliError } from './input/cli-error.ts'
import { abortOnInterrupt } from './interrupt.ts'

/** A stream for text; a terminal redraws its last line. */
export type TextOutput = NodeJS.WritableStream & Pick<Partial<WriteStream>, 'isTTY'>

/** What a command reads and writes: the process, or the streams of a test. */
export interface CommandContext {
  args: string[]
  env: NodeJS.ProcessEnv
  stdout: TextOutput
  stderr: TextOutput
  /** Returns a signal that the first Ctrl-C aborts. Without a call, Ctrl-C ends the process. */
  interruptible: () => AbortSignal
}

/** Returns the exit code. */
export type Command = (context: CommandContext) => Promise<number>

/** Runs a command; an error of the user is exit code 1 and one line, without a stack trace. */
export async function execute(command: Command, context: CommandContext): Promise<number> {
  try {
    return await command(context)
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (!(error instanceof CliError || code.startsWith('ERR_PARSE_ARGS'))) throw error
    context.stderr.write(`${(error as Error).message}\n`)
    return 1
  }
}

/** Runs the command that the process was started for. */
export async function runCommand(command: Command): Promise<void> {
  const [, , ...args] = process.argv
  const { env, stdout, stderr } = process
  process.exitCode = await execute(command, { args, env, stdout, stderr, interruptible: abortOnInterrupt })
}
