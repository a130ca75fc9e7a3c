import { loadPlugin, type PluginDeclaration, toWire } from './declarations/index.ts'
import { createDispatcher, type Dispatcher } from './dispatcher.ts'
import { type InstallMethod, readInstallMethod } from './environment.ts'
import { ConfigurationError, describe, PluginUnavailableError } from './errors.ts'
import { createHandlers, type PluginCode } from './handlers.ts'
import { systemTimers, type Timers } from './timers.ts'
import {
  isToolClass,
  type ToolClass,
  type ToolFunction,
  ToolProvider,
  type ToolProviderClass,
} from './tool.ts'
import { createServerlessTransport } from './transports/serverless.ts'
import { createStdioTransport, reserveStdout } from './transports/stdio.ts'
import { createTcpTransport } from './transports/tcp.ts'
import type { Transport } from './transports/transport.ts'

export interface PluginOptions {
  declaration: PluginDeclaration
  provider: ToolProviderClass
  /** The code of each declared tool, by the tool's `identity.name`. */
  tools: Readonly<Record<string, ToolClass | ToolFunction>>
  /** Concurrent sessions. Default: MAX_WORKER of the environment, else 1000. */
  maxSessions?: number
  /** Default 600,000 ms, like the daemon. */
  sessionTimeoutMs?: number
  timers?: Timers
  /** Receives messages for operators. Default: stderr, which the daemon logs. */
  report?: (message: string) => void
}

export type PluginLoadOptions = Omit<PluginOptions, 'declaration'> & {
  /** The directory that contains `manifest.yaml`. */
  root: string | URL
}

/** The daemon ties debugging to the workspace of the key, and uninstalls by plugin id. */
const DEBUGGING_WARNING =
  'Warning: if this plugin is installed from a package in the workspace of the debugging key, Dify uninstalls it there when debugging ends. Use another workspace, or install the package again afterwards.'

/** Limit for writing the last frames. */
const CLOSE_MS = 5_000
/** Delay before the process exits although a tool left a socket or timer open. */
const EXIT_MS = 1_000
const MAX_REPORT = 4_000

/** A plugin: its declarations and the code that serves them. */
export class Plugin {
  readonly declaration: PluginDeclaration
  readonly #code: PluginCode
  readonly #options: PluginOptions

  /** Throws `ConfigurationError` unless every declared tool has code and all code is declared. */
  constructor(options: PluginOptions) {
    this.declaration = options.declaration
    this.#options = options
    this.#code = pair(options)
  }

  /** Loads the declarations from `root`. Throws `DeclarationError` with all their problems. */
  static async load({ root, ...options }: PluginLoadOptions): Promise<Plugin> {
    return new Plugin({ ...options, declaration: await loadPlugin(root) })
  }

  /**
   * Serves one transport until its input ends or `stop` is aborted, and answers the sessions in flight. Rejects if the
   * transport fails.
   */
  async serve(
    transport: Transport,
    options: { stop?: AbortSignal; maxSessions?: number } = {},
  ): Promise<void> {
    const timers = this.#options.timers ?? systemTimers
    const dispatcher = this.#createDispatcher(options.maxSessions)
    const ended = Promise.withResolvers<void>()
    transport.onLine = dispatcher.receive
    transport.onOversize = dispatcher.rejectOversize
    transport.onNotice = (message) => this.#report(message)
    transport.onEnd = (error) => (error ? ended.reject(error) : ended.resolve())
    options.stop?.addEventListener('abort', () => ended.resolve(), { once: true })
    try {
      if (options.stop?.aborted) return
      // `stop` also ends a transport that is still connecting.
      await Promise.race([transport.start(), ended.promise])
      await ended.promise
      await within((this.#options.sessionTimeoutMs ?? 600_000) + CLOSE_MS, timers, dispatcher.drain())
    } finally {
      dispatcher.abort(new PluginUnavailableError('The plugin has stopped'))
      await within(CLOSE_MS, timers, dispatcher.drain())
      await within(CLOSE_MS, timers, transport.close())
    }
  }

  /**
   * Serves the transport of INSTALL_METHOD until stdin ends, a SIGTERM or SIGINT arrives, or the daemon rejects the
   * plugin. Sets the exit code and resolves with it: 0 success, 1 failure, 2 invalid configuration.
   */
  async run(): Promise<number> {
    const stop = new AbortController()
    const onSignal = () => (stop.signal.aborted ? process.exit(1) : stop.abort())
    // An unhandled rejection of one tool must not end the sessions of other workspaces.
    const onRejection = (reason: unknown) => this.#report(`Unhandled rejection: ${describeError(reason)}`)
    process.on('SIGTERM', onSignal).on('SIGINT', onSignal).on('unhandledRejection', onRejection)
    let code = 0
    try {
      const install = readInstallMethod(undefined, this.#report)
      await this.serve(this.#createTransport(install), {
        stop: stop.signal,
        maxSessions: install.maxSessions,
      })
    } catch (error) {
      code = error instanceof ConfigurationError ? 2 : 1
      this.#report(error instanceof Error ? error.message : String(error))
    }
    process.exitCode = code
    setTimeout(() => process.exit(code), EXIT_MS).unref()
    return code
  }

  #createDispatcher(maxSessions = 1000): Dispatcher {
    const { sessionTimeoutMs, timers } = this.#options
    return createDispatcher({
      handlers: createHandlers(this.#code),
      credentials: this.declaration.provider.credentials_schema,
      maxSessions: this.#options.maxSessions ?? maxSessions,
      onProblem: (message) => this.#report(message),
      ...(sessionTimeoutMs === undefined ? {} : { sessionTimeoutMs }),
      ...(timers === undefined ? {} : { timers }),
    })
  }

  #createTransport(install: InstallMethod): Transport {
    if (install.method === 'local') {
      const { heartbeatMs } = install
      return createStdioTransport({ input: process.stdin, output: reserveStdout(), heartbeatMs })
    }
    if (install.method === 'serverless') return createServerlessTransport(install)
    const { host, port, key, heartbeatMs } = install
    this.#report(DEBUGGING_WARNING)
    const registration = { ...toWire(this.declaration), assets: this.declaration.assets }
    return createTcpTransport({ host, port, key, heartbeatMs, registration })
  }

  #report(message: string): void {
    const { author, name } = this.declaration.manifest
    const report = this.#options.report ?? ((line) => process.stderr.write(`${line}\n`))
    report(`[${author}/${name}] ${message.slice(0, MAX_REPORT)}`)
  }
}

function pair({ declaration, provider, tools }: PluginOptions): PluginCode {
  const problems: string[] = []
  const paired = new Map<
    string,
    { declaration: (typeof declaration.provider.tools)[number]; code: ToolClass | ToolFunction }
  >()
  for (const tool of declaration.provider.tools) {
    const code = Object.hasOwn(tools, tool.identity.name) ? tools[tool.identity.name] : undefined
    if (code === undefined)
      problems.push(`tool ${tool.identity.name}: expected code for the declared tool, got nothing`)
    else if (typeof code !== 'function') {
      problems.push(`tool ${tool.identity.name}: expected a class or a function, got ${describe(code)}`)
    } else if (!isToolClass(code) && /^class\b/.test(Function.prototype.toString.call(code))) {
      problems.push(`tool ${tool.identity.name}: expected a class that extends Tool, got class ${code.name}`)
    } else paired.set(tool.identity.name, { declaration: tool, code })
  }
  const declared = new Set(declaration.provider.tools.map((tool) => tool.identity.name))
  for (const name of Object.keys(tools)) {
    if (!declared.has(name))
      problems.push(`tool ${name}: expected a declaration in the provider's tools, got nothing`)
  }
  if (!(provider?.prototype instanceof ToolProvider)) {
    problems.push(`provider: expected a class that extends ToolProvider, got ${describe(provider)}`)
  }
  if (problems.length > 0) {
    throw new ConfigurationError(
      `The plugin's code and declarations do not match:\n  ${problems.join('\n  ')}`,
    )
  }
  return { declaration: declaration.provider, provider, tools: paired }
}

/** Resolves when the promise does, but after `ms` milliseconds at the latest. */
async function within(ms: number, timers: Timers, promise: Promise<void>): Promise<void> {
  let cancel = () => {}
  const late = new Promise<void>((resolve) => {
    cancel = timers.after(ms, resolve)
  })
  await Promise.race([promise, late])
  cancel()
}

function describeError(reason: unknown): string {
  return reason instanceof Error ? `${reason.name}: ${reason.message.split('\n')[0]}` : describe(reason)
}
