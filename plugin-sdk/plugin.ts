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
  /** Sessions at once. Default: MAX_WORKER of the environment, else 1000. */
  maxSessions?: number
  /** Longest a session may run. Default 600,000 ms, after which the daemon has stopped listening. */
  sessionTimeoutMs?: number
  timers?: Timers
  /** Where operators read. Default: one line on stderr, which the daemon logs. */
  report?: (message: string) => void
}

export type PluginLoadOptions = Omit<PluginOptions, 'declaration'> & {
  /** The directory of `manifest.yaml`. */
  root: string | URL
}

/** How long writing out the last frames may take. */
const CLOSE_MS = 5_000
/** How long what a tool left open may hold the process, once all is answered and written. */
const EXIT_MS = 1_000
const MAX_REPORT = 4_000

/** Declarations and code, tied together and served. */
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

  /** Reads the declarations first. Throws `DeclarationError` with everything that is wrong with them. */
  static async load({ root, ...options }: PluginLoadOptions): Promise<Plugin> {
    return new Plugin({ ...options, declaration: await loadPlugin(root) })
  }

  /**
   * Serves one transport until its other side is done or `stop` is aborted; sessions in flight are answered
   * first. Rejects with what the transport failed with.
   */
  async serve(
    transport: Transport,
    options: { stop?: AbortSignal; maxSessions?: number } = {},
  ): Promise<void> {
    const timers = this.#options.timers ?? systemTimers
    const dispatcher = this.#createDispatcher(options.maxSessions)
    const ended = Promise.withResolvers<void>()
    transport.onLine = dispatcher.receive
    transport.onOversize = dispatcher.refuseOversize
    transport.onNotice = (message) => this.#report(message)
    transport.onEnd = (error) => (error ? ended.reject(error) : ended.resolve())
    options.stop?.addEventListener('abort', () => ended.resolve(), { once: true })
    try {
      if (options.stop?.aborted) return
      // Stopping must not wait for a transport that is still trying to connect.
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
   * Serves as the environment says (INSTALL_METHOD) until stdin ends, SIGTERM or SIGINT comes, or the daemon
   * refuses the plugin. Resolves with the exit code and sets it: 0 done, 1 failed, 2 wrongly configured.
   */
  async run(): Promise<number> {
    const stop = new AbortController()
    const onSignal = () => (stop.signal.aborted ? process.exit(1) : stop.abort())
    // One tool's forgotten promise must not take every other workspace's session down.
    const onRejection = (reason: unknown) =>
      this.#report(`A promise was left to fail: ${describeError(reason)}`)
    process.on('SIGTERM', onSignal).on('SIGINT', onSignal).on('unhandledRejection', onRejection)
    let code = 0
    try {
      const install = readInstallMethod()
      await this.serve(this.#createTransport(install), {
        stop: stop.signal,
        maxSessions: install.maxSessions,
      })
    } catch (error) {
      code = error instanceof ConfigurationError ? 2 : 1
      this.#report(error instanceof Error ? error.message : String(error))
    }
    process.exitCode = code
    // A socket or timer a tool left open would keep the process after its pipes are gone.
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
      problems.push(`tool ${tool.identity.name} is declared, but no code was given for it`)
    else if (typeof code !== 'function') {
      problems.push(`tool ${tool.identity.name}: expected a class or a function, got ${describe(code)}`)
    } else if (!isToolClass(code) && /^class\b/.test(Function.prototype.toString.call(code))) {
      problems.push(`tool ${tool.identity.name}: expected a class that extends Tool, got class ${code.name}`)
    } else paired.set(tool.identity.name, { declaration: tool, code })
  }
  const declared = new Set(declaration.provider.tools.map((tool) => tool.identity.name))
  for (const name of Object.keys(tools)) {
    if (!declared.has(name))
      problems.push(`tool ${name} has code, but is not declared (in the provider's tools)`)
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

/** The promise's end, or `ms` milliseconds, whichever is first. */
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
