/*
 * npm start
 *
 * Starts the sidecar. Every setting is an environment variable, also read from .env: .env.example lists them, and
 * docs/configuration.md describes them. Stops on SIGINT and SIGTERM, after the requests in progress. With
 * --max-semi-space-size=16 Node keeps up to 32 MB of new objects; by default, 128 MB on a machine with much memory. With
 * --max-old-space-size=1024 a heap grows to at most 1.6 times what is alive before garbage is collected, instead of 4.
 */
import { enableCompileCache, flushCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'

// Compiling is half of a start: the next one reads the compiled modules. Without a writable folder it compiles again.
enableCompileCache(fileURLToPath(new URL('../../node_modules/.cache/compiled', import.meta.url)))
await import('./serve.ts')
// A process that is killed would keep nothing.
flushCompileCache()
