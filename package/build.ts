/** `npm run package -- [--out DIR] [--sign KEY.pem]`: builds the `.difypkg` and prints the next steps. */
import { readFile } from 'node:fs/promises'
import { relative } from 'node:path'
import { parseArgs } from 'node:util'
import { packagePlugin } from './package-plugin.ts'

const usage = `Usage: npm run package -- [--out DIR] [--sign KEY.pem]

  --out DIR       output folder of the .difypkg (default: dist)
  --sign KEY.pem  RSA private key; create one with: openssl genrsa -out KEY.pem 4096
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

const nextSteps = `Then in Dify: Plugins › Install plugin › Local Package File.
The daemon downloads Node.js (about 60 MB, once per version) while it installs; on a slow link set
PLUGIN_PYTHON_ENV_INIT_TIMEOUT=600. Remote debugging needs no package: npm run plugin.`

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
  const { out, sign } = values
  const built = await packagePlugin(
    out,
    sign === undefined ? {} : { sign: { privateKey: await readKey(sign) } },
  )
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
  console.log(`\n${sign === undefined ? unsignedHelp : signedHelp(sign)}\n\n${nextSteps}`)
}

async function readKey(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Error(`--sign: expected a readable key file, got ${path} (${error.code})`)
  })
}

function count(value: number): string {
  return value.toLocaleString('en-US')
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
