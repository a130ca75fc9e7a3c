/** `npm run package -- [--out DIR] [--sign KEY.pem] [--node wheel|system]`: builds the `.difypkg` and prints the next steps. */
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { buildVersion, type NodeSource, packagePlugin } from './package-plugin.ts'
import { readKey } from './read-key.ts'

const usage = `Usage: npm run package -- [--out DIR] [--sign KEY.pem] [--node wheel|system]

  --out DIR       output folder of the .difypkg (default: dist)
  --sign KEY.pem  RSA private key; create one with: openssl genrsa -out KEY.pem 4096
  --node system   for a daemon without a package index: installs nothing and uses the
                  Node.js of the daemon, PLUGIN_NODE_BIN or node on PATH (20 or later).
                  Default: wheel, which the daemon downloads while it installs.

The version is that of manifest.yaml with the time of the build, because Dify ignores a package whose version is
installed. SOURCE_DATE_EPOCH sets the time. For a package with the version alone: npm run release.
`

const unsignedHelp = `The package is not signed. By default, the plugin daemon rejects unsigned packages. Either
  set FORCE_VERIFYING_SIGNATURE=false for Dify's plugin_daemon and recreate it,
  or sign the package: npm run package -- --sign KEY.pem`

const signedHelp = (
  key: string,
) => `The package is signed with your key. Configure its public key in the daemon:
  openssl rsa -in ${key} -RSAPublicKey_out -out hippocache.public.pem
  THIRD_PARTY_SIGNATURE_VERIFICATION_ENABLED=true
  THIRD_PARTY_SIGNATURE_VERIFICATION_PUBLIC_KEYS=/path/in/the/daemon/hippocache.public.pem`

const nextSteps = (node: NodeSource) => `Then in Dify: Plugins › Install plugin › Local Package File.
${
  node === 'wheel'
    ? `The daemon downloads Node.js (61 MB, once per version) while it installs. It gives up after 10 minutes,
whatever its settings say: below about 100 kB/s, or without a package index, build with --node system.`
    : 'Set PLUGIN_NODE_BIN=/path/to/node for the plugin daemon, unless its image has node on PATH.'
}
Remote debugging needs no package: npm run plugin.`

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      out: { type: 'string', default: 'dist' },
      sign: { type: 'string' },
      node: { type: 'string', default: 'wheel' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) {
    console.log(usage)
    return
  }
  const { out, sign, node } = values
  if (node !== 'wheel' && node !== 'system') throw new Error(`--node: expected wheel or system, got ${node}`)
  const built = await packagePlugin(out, {
    node,
    buildVersion: buildVersion(),
    ...(sign !== undefined && { sign: { privateKey: await readKey(sign) } }),
  })
  for (const warning of built.warnings) console.warn(`warning: ${warning}`)
  const rows = [
    [
      'size',
      `${count(built.bytes.byteLength)} bytes, ${count(built.uncompressedBytes)} in ${built.entries.length} files`,
    ],
    ['checksum', built.checksum],
    ['identifier', built.uniqueIdentifier],
    ['signature', built.signed ? 'RSA, category community' : 'none'],
  ]
  console.log(relative('.', built.path))
  for (const [name = '', value] of rows) console.log(`  ${name.padEnd(11)} ${value}`)
  console.log(`\nExample apps that ask for this package where it is not installed:
  npm run examples -- --out ${join(out, 'apps')} --plugin ${built.uniqueIdentifier}`)
  console.log(`\n${sign === undefined ? unsignedHelp : signedHelp(sign)}\n\n${nextSteps(node)}`)
}

function count(value: number): string {
  return value.toLocaleString('en-US')
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
