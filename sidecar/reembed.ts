/*
 * npm run reembed
 *
 * Embeds every memory anew with the embedder of the configuration. The sidecar must be stopped. Can be interrupted:
 * run it again, and it goes on where it was.
 */
import { readConfig } from './config.ts'
import { reembed } from './memory/embedder-guard.ts'
import { openEmbedder, openRecords } from './services.ts'

try {
  const config = readConfig(process.env)
  const embedder = await openEmbedder(config)
  const records = await openRecords(config, embedder)
  const done = await reembed(records, embedder, (scopes, memories) => {
    process.stderr.write(`\r${memories} memories of ${scopes} users embedded with ${embedder.name}`)
  })
  await records.close()
  console.log(
    done > 0 ? `\nDone: ${done} memories embedded.` : `Nothing to do: the memories are of ${embedder.name}.`,
  )
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
}
