/*
 * npm run examples
 *
 * Writes the example apps to examples/dify. They are generated: change examples/source instead.
 */
import { fileURLToPath } from 'node:url'
import { writeExamples } from './files.ts'

const folder = fileURLToPath(new URL('../dify', import.meta.url))
for (const file of await writeExamples(folder)) console.log(`examples/dify/${file}`)
