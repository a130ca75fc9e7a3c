import { z } from 'zod'
import { ConfigurationError } from './errors.ts'

/** How the plugin runs, set by the daemon or the developer. */
export type InstallMethod =
  | { method: 'local'; heartbeatMs: number; maxSessions: number }
  | { method: 'remote'; heartbeatMs: number; maxSessions: number; host: string; port: number; key: string }
  | {
      method: 'serverless'
      maxSessions: number
      host: string
      port: number
      daemonUrl: string | undefined
    }

const port = z.coerce.number().int().min(1).max(65_535)

const Environment = z
  .object({
    INSTALL_METHOD: z.enum(['local', 'remote', 'serverless']).optional(),
    REMOTE_INSTALL_URL: z.string().optional(),
    REMOTE_INSTALL_HOST: z.string().default('localhost'),
    REMOTE_INSTALL_PORT: port.default(5003),
    REMOTE_INSTALL_KEY: z.string().optional(),
    // The daemon drops a debugged plugin after 60 s without a heartbeat.
    HEARTBEAT_INTERVAL: z.coerce.number().min(1).max(30).default(10),
    MAX_WORKER: z.coerce.number().int().min(1).default(1000),
    SERVERLESS_HOST: z.string().default('0.0.0.0'),
    SERVERLESS_PORT: port.default(8080),
    DIFY_PLUGIN_DAEMON_URL: z.string().optional(),
  })
  .transform((env, ctx): InstallMethod => {
    const maxSessions = env.MAX_WORKER
    const heartbeatMs = env.HEARTBEAT_INTERVAL * 1000
    // Dify's dialog for debugging shows address and key only. The daemon sets INSTALL_METHOD for installed plugins.
    const method = env.INSTALL_METHOD ?? (env.REMOTE_INSTALL_KEY ? 'remote' : 'local')
    if (method === 'local') return { method, heartbeatMs, maxSessions }
    if (method === 'serverless') {
      const { SERVERLESS_HOST, SERVERLESS_PORT, DIFY_PLUGIN_DAEMON_URL } = env
      return {
        ...{ method, maxSessions, host: SERVERLESS_HOST, port: SERVERLESS_PORT },
        daemonUrl: DIFY_PLUGIN_DAEMON_URL,
      }
    }
    const address = env.REMOTE_INSTALL_URL ? parseAddress(env.REMOTE_INSTALL_URL) : undefined
    if (address === null) {
      const message = `expected host:port or scheme://host:port, got ${JSON.stringify(env.REMOTE_INSTALL_URL)}`
      ctx.addIssue({ code: 'custom', path: ['REMOTE_INSTALL_URL'], message })
    }
    if (!env.REMOTE_INSTALL_KEY) {
      const message = "expected the debug key from Dify's plugin page, got nothing"
      ctx.addIssue({ code: 'custom', path: ['REMOTE_INSTALL_KEY'], message })
    }
    return {
      method,
      heartbeatMs,
      maxSessions,
      host: address?.host ?? env.REMOTE_INSTALL_HOST,
      port: address?.port ?? env.REMOTE_INSTALL_PORT,
      key: env.REMOTE_INSTALL_KEY ?? '',
    }
  })

/** Numbers that are clamped when they are out of range, because they must not keep a plugin from starting. */
const RANGES = {
  HEARTBEAT_INTERVAL: [1, 30],
  MAX_WORKER: [1, 1_000_000],
  SERVERLESS_PORT: [1, 65_535],
} as const

/**
 * Reads the variables of Dify's own SDK. An empty value counts as unset.
 *
 * @param report called with a line for every clamped number
 * @throws `ConfigurationError`
 */
export function readInstallMethod(
  // biome-ignore lint/style/noProcessEnv: the only place where the SDK reads the environment
  env: Record<string, string | undefined> = process.env,
  report: (line: string) => void = () => {},
): InstallMethod {
  const present = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  )
  for (const [name, [min, max]] of Object.entries(RANGES)) {
    const value = Number(present[name])
    if (!Number.isFinite(value) || (value >= min && value <= max)) continue
    const used = String(Math.min(Math.max(value, min), max))
    report(`${name}: expected a number from ${min} to ${max}, got ${present[name]}; ${used} is used`)
    present[name] = used
  }
  const parsed = Environment.safeParse(present)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`)
  throw new ConfigurationError(`Invalid environment variables:\n${problems.join('\n')}`)
}

function parseAddress(url: string): { host: string; port: number } | null {
  const match = /^(?:[a-z][a-z0-9+.-]*:\/\/)?(?:\[([0-9a-f:.]+)\]|([^\s:/[\]]+)):(\d{1,5})\/?$/i.exec(url)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  return host !== undefined && port >= 1 && port <= 65_535 ? { host, port } : null
}
