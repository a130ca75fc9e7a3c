import type { EmbedderName } from '../memory/repositories/meta.ts'
import type { RecordStore } from '../ports/records.ts'
import { openRecords } from './backends.ts'
import type { Topology } from './topology.ts'

type OpenStore = (records: Topology['records'], embedder: EmbedderName) => Promise<RecordStore>

/**
 * Prints the result of a command, or its error with exit code 1.
 * @param run the stores that it opens are closed at the end
 */
export async function runCommand(run: (open: OpenStore) => Promise<string>): Promise<void> {
  try {
    await using stores = new AsyncDisposableStack()
    const message = await run(async (records, embedder) => {
      const store = await openRecords(records, embedder)
      stores.defer(() => store.close())
      return store
    })
    console.log(message)
  } catch (error) {
    // A progress line may be open.
    console.error(`\n${error instanceof Error ? error.message : String(error)}`)
    process.exitCode = 1
  }
}
