/*
 * npm run examples -- [--out DIR] [--plugin IDENTIFIER]
 *
 * Writes the example apps. Those in examples/dify are generated: change examples/source instead.
 *
 *   --out DIR            the folder, by default examples/dify
 *   --plugin IDENTIFIER  of a package, as `npm run package` prints it; Dify asks for the package when an app is imported
 *                        where it is not installed
 */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { writeExamples } from './files.ts'

const { values } = parseArgs({ options: { out: { type: 'string' }, plugin: { type: 'string' } } })
const folder = values.out ?? fileURLToPath(new URL('../dify', import.meta.url))
for (const file of await writeExamples(folder, values.plugin)) console.log(join(folder, file))
