/** `npm run release -- --sign KEY.pem [--out DIR]`: builds both variants of the plugin, signed, with their checksums. */
import { createHash, createPublicKey } from 'node:crypto'
import { readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises'
import { basename, join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { type NodeSource, packagePlugin } from './package-plugin.ts'
import { readKey } from './read-key.ts'

const usage = `Usage: npm run release -- --sign KEY.pem [--out DIR]

Writes the folder DIR/release-VERSION with
  hippocache-hippocache-VERSION.difypkg              downloads Node.js while it installs
  hippocache-hippocache-VERSION-system-node.difypkg  uses the Node.js of the daemon
  hippocache.public.pem                              for THIRD_PARTY_SIGNATURE_VERIFICATION_PUBLIC_KEYS
  SHA256SUMS                                         check with: sha256sum -c SHA256SUMS

VERSION is that of manifest.yaml. Dify ignores a package with an installed version: raise it for each release.
`

const SUFFIXES: Record<NodeSource, string> = { wheel: '', system: '-system-node' }

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      out: { type: 'string', default: 'dist' },
      sign: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) {
    console.log(usage)
    return
  }
  if (values.sign === undefined)
    throw new Error(
      '--sign: expected the RSA private key of the release; create one with: openssl genrsa -out KEY.pem 4096',
    )
  const privateKey = await readKey(values.sign)
  const staging = join(values.out, `.release-${process.pid}`)
  const folder = await buildRelease(values.out, staging, privateKey).finally(() =>
    rm(staging, { recursive: true, force: true }),
  )
  console.log(`${relative('.', folder)}\n${await readFile(join(folder, 'SHA256SUMS'), 'utf8')}`)
}

async function buildRelease(out: string, staging: string, privateKey: string): Promise<string> {
  const sign = { privateKey, time: new Date() }
  const names: string[] = []
  let version = ''
  for (const [node, suffix] of Object.entries(SUFFIXES) as [NodeSource, string][]) {
    const built = await packagePlugin(join(staging, node), { node, sign })
    version = built.version
    const name = basename(built.path).replace(/\.difypkg$/, `${suffix}.difypkg`)
    await rename(built.path, join(staging, name))
    await rmdir(join(staging, node))
    names.push(name)
  }
  const publicKey = createPublicKey(privateKey).export({ type: 'pkcs1', format: 'pem' })
  await writeFile(join(staging, 'hippocache.public.pem'), publicKey)
  await writeFile(join(staging, 'SHA256SUMS'), await checksums(staging, [...names, 'hippocache.public.pem']))
  const folder = join(out, `release-${version}`)
  // Fails for a folder with files: two releases must not share a version.
  await rename(staging, folder).catch((cause: NodeJS.ErrnoException) => {
    throw new Error(
      `${folder}: expected no release of version ${version} (${cause.code}); raise the version in manifest.yaml, package.json and tools/shared/version.ts, or delete the folder`,
      { cause },
    )
  })
  return folder
}

async function checksums(folder: string, names: readonly string[]): Promise<string> {
  const lines = names.map(async (name) => {
    const sum = createHash('sha256')
      .update(await readFile(join(folder, name)))
      .digest('hex')
    return `${sum}  ${name}\n`
  })
  return (await Promise.all(lines)).join('')
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
