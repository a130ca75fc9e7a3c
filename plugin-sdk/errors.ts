/** What the daemon and Dify are told about a failure. `args` is always an object with at most 10 keys. */
export interface WireError {
  error_type: string
  message: string
  args: Record<string, string | number | boolean | null>
}

/** Small facts about an error that may be shown to the person who runs the app. Never put secrets here. */
export type ErrorArgs = Record<string, unknown>

/**
 * Base of every error that carries a stable name over the wire. Throw one from a tool to choose what Dify
 * shows: `name` becomes `error_type`, `args` becomes `args`.
 */
export class PluginError extends Error {
  override name = 'PluginError'
  readonly args: ErrorArgs

  constructor(message: string, options: { args?: ErrorArgs; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.args = options.args ?? {}
  }
}

/** Thrown by `ToolProvider.validateCredentials`; Dify shows its message under the credential form. */
export class ToolProviderCredentialValidationError extends PluginError {
  override name = 'ToolProviderCredentialValidationError'
}

/** A parameter that is missing, or that cannot be read as its declared type. */
export class InvalidParameterError extends PluginError {
  override name = 'InvalidParameterError'
}

/** A request the plugin cannot serve: a field missing or of a wrong type, or an unknown type, action or name. */
export class InvalidRequestError extends PluginError {
  override name = 'InvalidRequestError'
}

/** A tool yielded something that is not a tool message, or a message Dify would refuse. */
export class InvalidMessageError extends PluginError {
  override name = 'InvalidMessageError'
}

/** A frame longer than a line may be. The daemon kills a process that writes such a line. */
export class FrameTooLargeError extends PluginError {
  override name = 'FrameTooLargeError'
}

/** The plugin has as many sessions as it may have, or is about to stop. */
export class PluginUnavailableError extends PluginError {
  override name = 'PluginUnavailableError'
}

/** A session that ran longer than the daemon listens. */
export class SessionTimeoutError extends PluginError {
  override name = 'SessionTimeoutError'
}

/** The other side is gone; nothing more can be sent. */
export class TransportClosedError extends PluginError {
  override name = 'TransportClosedError'
}

/** The daemon refused the plugin in remote debugging; the message is the daemon's own line. */
export class RegistrationError extends PluginError {
  override name = 'RegistrationError'
}

/** An environment variable, an option or a pairing of declarations and classes that cannot work. */
export class ConfigurationError extends PluginError {
  override name = 'ConfigurationError'
}

/** The daemon ignores an error with more keys than this, which would turn the failure into a success. */
const MAX_ARGS = 10
const MAX_MESSAGE = 2_000
const MAX_ARG = 500
/** Shorter secrets would blank out ordinary words. */
const MIN_SECRET = 4

/**
 * Turns anything thrown into a frame payload that the daemon accepts. Stack lines are dropped and every
 * occurrence of a secret is blanked, because the message reaches the app's user and Dify's logs.
 */
export function toWireError(error: unknown, secrets: readonly string[] = []): WireError {
  const clean = (text: string, max: number) => clip(redact(withoutStack(text), secrets), max)
  if (!(error instanceof Error)) {
    return {
      error_type: 'UnknownError',
      message: `The tool threw ${describe(error)}, not an Error`,
      args: {},
    }
  }
  const args = error instanceof PluginError ? error.args : {}
  return {
    error_type: error.name || 'Error',
    message: clean(String(error.message) || error.name || 'The tool failed without a message', MAX_MESSAGE),
    args: Object.fromEntries(
      Object.entries(args)
        .filter(([, value]) => value !== undefined)
        .slice(0, MAX_ARGS)
        .map(([key, value]) => [key, argument(value, (text) => clean(text, MAX_ARG))]),
    ),
  }
}

/** A short name for what came, for messages of the form "expected X, got Y". */
export function describe(value: unknown): string {
  if (value === null) return 'null'
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'string') return JSON.stringify(clip(value, 60))
  if (typeof value === 'object') return 'an object'
  if (typeof value === 'function') return 'a function'
  return String(value)
}

function argument(value: unknown, clean: (text: string) => string): string | number | boolean | null {
  if (value === null || typeof value === 'boolean') return value
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (typeof value === 'string') return clean(value)
  try {
    return clean(JSON.stringify(value) ?? describe(value))
  } catch {
    return describe(value)
  }
}

function withoutStack(text: string): string {
  return text
    .split('\n')
    .filter((line) => !/^\s+at\s\S/.test(line))
    .join('\n')
}

function redact(text: string, secrets: readonly string[]): string {
  return secrets
    .filter((secret) => secret.length >= MIN_SECRET)
    .sort((a, b) => b.length - a.length)
    .reduce((clean, secret) => clean.replaceAll(secret, '***'), text)
}

function clip(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1)}…`
}
