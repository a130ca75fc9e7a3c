type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

const RANK: Record<LogLevel, number> = { debug: 10, info: 20, warn: 30, error: 40, silent: 100 }

export interface Log {
  debug(event: string, fields?: object): void
  info(event: string, fields?: object): void
  warn(event: string, fields?: object): void
  error(event: string, fields?: object): void
}

/** Writes one JSON object per line. Fields must not contain user text or API keys. */
export function createLog(level: LogLevel, write: (line: string) => void): Log {
  const at =
    (name: Exclude<LogLevel, 'silent'>) =>
    (event: string, fields: object = {}): void => {
      if (RANK[name] < RANK[level]) return
      write(`${JSON.stringify({ time: new Date().toISOString(), level: name, event, ...fields })}\n`)
    }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
