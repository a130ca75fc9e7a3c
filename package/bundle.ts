/** Bundles the plugin into one JavaScript file for Node 24 and collects the licences of its dependencies. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build, type Metafile } from 'esbuild'

export interface Bundle {
  code: Uint8Array
  /** Name, version and licence text of every package in the bundle, as their licences require. */
  licences: string
}

/**
 * Runs before the bundle. Bundled CommonJS dependencies need `require`. A Node that is too old gets a clear error; this
 * works, because the bundle imports only Node's own modules.
 */
const banner = `import { createRequire as __createRequire } from 'node:module'
const require = __createRequire(import.meta.url)
if (Number(process.versions.node.split('.')[0]) < 24) {
  process.stderr.write('plugin: expected Node.js 24 or newer, got ' + process.version + ' (' + process.execPath + ')\\n')
  process.exit(1)
}`

/** Bundles `main.ts` of a plugin's directory. Not minified, so that stack traces in the daemon's log are readable. */
export async function bundlePlugin(root: string): Promise<Bundle> {
  const result = await build({
    absWorkingDir: root,
    entryPoints: ['main.ts'],
    bundle: true,
    write: false,
    metafile: true,
    outfile: 'plugin.mjs',
    format: 'esm',
    platform: 'node',
    target: 'node24',
    charset: 'utf8',
    legalComments: 'none',
    banner: { js: banner },
    logLevel: 'silent',
  })
  const code = result.outputFiles[0]?.contents
  if (!code) throw new Error('esbuild: expected one output file, got none')
  return { code, licences: await readLicences(root, result.metafile) }
}

async function readLicences(root: string, { outputs }: Metafile): Promise<string> {
  const inputs = Object.values(outputs).flatMap((output) => Object.keys(output.inputs))
  const folders = new Set(
    inputs.flatMap((path) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []),
  )
  const parts = await Promise.all([...folders].sort().map((folder) => readLicence(join(root, folder))))
  return `plugin.mjs contains these packages.\n\n${parts.join('\n')}`
}

async function readLicence(folder: string): Promise<string> {
  const { name, version, license } = JSON.parse(
    await readFile(join(folder, 'package.json'), 'utf8'),
  ) as Record<string, string>
  const file = (await readdir(folder)).sort().find((entry) => /^licen[cs]e(\.|$)/i.test(entry))
  const text = file ? await readFile(join(folder, file), 'utf8') : `${license}\n`
  return `${'-'.repeat(80)}\n${name} ${version} (${license})\n\n${text.trim()}\n`
}
