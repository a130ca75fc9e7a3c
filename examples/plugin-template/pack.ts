/** `npm run pack`: bundles the plugin and writes dist/<author>-<name>-<version>.difypkg. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { readEntries, writePackage } from '@dify/plugin-sdk-ts/packager'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('.', import.meta.url))
const { outputFiles } = await build({
  ...{ absWorkingDir: root, entryPoints: ['main.ts'], outfile: 'plugin.mjs', write: false },
  ...{ bundle: true, format: 'esm', platform: 'node', target: 'node24' },
  // The YAML parser is CommonJS.
  banner: {
    js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)",
  },
})

// main.py executes Node on the bundle, requirements.txt installs Node: those of Hippocache, beside the SDK.
const launcher = new URL('../package/', import.meta.resolve('@dify/plugin-sdk-ts/package.json'))
const read = async (path: string) => ({ path, content: await readFile(new URL(path, launcher)) })
const made = [
  { path: 'plugin.mjs', content: Buffer.from(outputFiles[0]?.contents ?? []) },
  await read('main.py'),
  await read('requirements.txt'),
]

const taken = (await readEntries(root)).filter(({ path }) => !made.some((entry) => entry.path === path))
const { path, warnings } = await writePackage([...taken, ...made], process.argv[2] ?? 'dist')
for (const warning of warnings) console.warn(`warning: ${warning}`)
console.log(path)
