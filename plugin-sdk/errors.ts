/** The payload of an error frame. `args` has at most 10 keys. */
export interface WireError {
  error_type: string
  message: string
  args: Record<string, string | number | boolean | null>
}

/** Facts about an error, which Dify may show to users of the app. Must not contain secrets. */
export type ErrorArgs = Record<string, unknown>

/**
 * Base of the errors with a stable name. Throw one from a tool to choose what Dify shows: `name` becomes `error_type`.
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

/** A parameter is missing or not of its declared type. */
export class InvalidParameterError extends PluginError {
  override name = 'InvalidParameterError'
}

/** A request has a missing or invalid field, or an unknown type, action or name. */
export class InvalidRequestError extends PluginError {
  override name = 'InvalidRequestError'
}

/** A tool yielded something that is not a message, or a message that Dify rejects. */
export class InvalidMessageError extends PluginError {
  override name = 'InvalidMessageError'
}

/** A frame exceeds the line limit; the daemon would kill the process. */
export class FrameTooLargeError extends PluginError {
  override name = 'FrameTooLargeError'
}

/** The plugin has reached its session limit, or is stopping. */
export class PluginUnavailableError extends PluginError {
  override name = 'PluginUnavailableError'
}

/** A session exceeded its timeout. */
export class SessionTimeoutError extends PluginError {
  override name = 'SessionTimeoutError'
}

/** Dify refused a call of the plugin or could not answer it; the message is Dify's. */
export class BackwardsInvocationError extends PluginError {
  override name = 'BackwardsInvocationError'
}

/** The connection is closed. */
export class TransportClosedError extends PluginError {
  override name = 'TransportClosedError'
}

/** The daemon rejected the plugin in remote debugging; the message is the daemon's. */
export class RegistrationError extends PluginError {
  override name = 'RegistrationError'
}

/** An environment variable or option is invalid, or declarations and code do not match. */
export class ConfigurationError extends PluginError {
  override name = 'ConfigurationError'
}

/** The daemon ignores an error with more args, which would turn the failure into a success. */
const MAX_ARGS = 10
const MAX_MESSAGE = 2_000
const MAX_ARG = 500
/** Redacting shorter secrets would hide ordinary words. */
const MIN_SECRET = 4

/**
 * Converts anything thrown into a payload that the daemon accepts. Removes stack lines and redacts secrets, because
 * the message reaches users of the app and Dify's logs.
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

/** A short rendering of a value for messages of the form "expected X, got Y". */
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
