import { readFile } from 'node:fs/promises'

/** The private key of `--sign`. */
export async function readKey(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Error(`--sign: expected a readable key file, got ${path} (${error.code})`)
  })
}
