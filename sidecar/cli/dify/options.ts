import { parseSince } from '../../experiments/replay/options.ts'
import { AppError } from '../../ports/errors.ts'
import { createClient } from '../transfer/client.ts'
import { connectionOptions } from '../transfer/connection-options.ts'
import { CliError, required } from '../transfer/input/cli-error.ts'
import type { ProgressBar } from '../transfer/progress.ts'
import { createDify } from './client.ts'
import type { Sources } from './listing.ts'

const string = { type: 'string' } as const

/** The options of commands that read an app of Dify. */
export const DIFY_OPTIONS = {
  ...{ dify: string, 'app-key': string, since: string, url: string, key: string },
  user: { ...string, multiple: true as const, default: [] as string[] },
}

interface DifyOptions {
  dify?: string | undefined
  'app-key'?: string | undefined
  since?: string | undefined
  url?: string | undefined
  key?: string | undefined
}

const REQUEST_TIMEOUT_MS = 30_000

/** Opens both sides and checks the sidecar. @throws {CliError} for a missing or wrong option */
export async function openSources(
  values: DifyOptions,
  env: NodeJS.ProcessEnv,
  bar: Pick<ProgressBar, 'say'>,
): Promise<Sources> {
  const url = required(
    '--dify',
    'the address of the API of Dify, such as https://api.dify.ai/v1',
    values.dify,
  )
  const appKey = required(
    '--app-key',
    'an API key of the app (or set DIFY_APP_KEY)',
    values['app-key'] ?? env['DIFY_APP_KEY']?.trim(),
  )
  const since = values.since === undefined ? undefined : timeOf(values.since)
  const onWait = (ms: number, reason: string) =>
    bar.say(`retrying in ${(ms / 1000).toFixed(1)} s: ${reason.replaceAll(appKey, '***')}`)
  const dify = createDify({ url, key: appKey, onWait })
  const connection = connectionOptions(values, env)
  const sidecar = createClient({ ...connection, requestTimeoutMs: REQUEST_TIMEOUT_MS, onWait })
  await sidecar.checkConnection()
  return { dify, sidecar, since }
}

/** @param since a duration before now, or an ISO 8601 time */
function timeOf(since: string): number {
  try {
    return parseSince(since, Date.now())
  } catch (error) {
    throw error instanceof AppError ? new CliError(`--${error.message}`) : error
  }
}
