import type { Command, CommandContext } from '../cli/transfer/command.ts'
import type { EmbedderName } from '../memory/repositories/meta.ts'
import type { RecordStore } from '../ports/records.ts'
import { openRecords } from './backends.ts'
import type { Topology } from './topology.ts'

type OpenStore = (records: Topology['records'], embedder: EmbedderName) => Promise<RecordStore>

/** Works on the stores themselves, without a sidecar. Returns what is printed at the end. */
export type StoreCommand = (open: OpenStore, context: CommandContext) => Promise<string>

/** A command that prints the result, or an error with exit code 1, and closes the stores that were opened. */
export function storeCommand(run: StoreCommand): Command {
  return async (context) => {
    try {
      await using stores = new AsyncDisposableStack()
      const open: OpenStore = async (records, embedder) => {
        const store = await openRecords(records, embedder)
        stores.defer(() => store.close())
        return store
      }
      context.stdout.write(`${await run(open, context)}\n`)
      return 0
    } catch (error) {
      // A progress line may be open.
      context.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`)
      return 1
    }
  }
}
