import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { toYaml } from './dsl.ts'
import { examples } from './index.ts'
import { usesPlugin } from './nodes.ts'

/**
 * The text of each example, by the name of its file.
 * @param plugin identifier of the package that Dify asks for when the importing workspace does not have it
 */
export function exampleFiles(plugin?: string): Map<string, string> {
  return new Map(
    examples().map(({ file, comment, app }) => {
      const dependencies = plugin && usesPlugin(app) ? [packageDependency(plugin)] : []
      return [file, toYaml({ ...app, dependencies }, comment)]
    }),
  )
}

/** Writes the examples into a folder and returns the names of the files. */
export async function writeExamples(folder: string, plugin?: string): Promise<string[]> {
  const files = exampleFiles(plugin)
  await mkdir(folder, { recursive: true })
  for (const [file, text] of files) await writeFile(join(folder, file), text)
  return [...files.keys()]
}

/**
 * Dify compares the whole identifier, whose checksum changes with every build. So only apps that are written beside a
 * package name it: any other build would be reported as missing.
 */
const packageDependency = (plugin_unique_identifier: string) => ({
  current_identifier: null,
  type: 'package',
  value: { plugin_unique_identifier, version: null },
})
