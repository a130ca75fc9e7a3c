/** Sources of declarations: a plugin's directory, or the entries of a package. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'

/** A file of a plugin; `path` is relative to the plugin's root, with forward slashes. */
export interface PluginFile {
  path: string
  content: Uint8Array
}

/** `filename` is the path below `_assets/`, with forward slashes. */
export interface Asset {
  filename: string
  content: Uint8Array
}

export interface PluginFiles {
  /** The bytes, or undefined if there is no such file. Throws any other system error. */
  read(path: string): Promise<Uint8Array | undefined>
  /** Everything under `_assets/`, sorted. Throws a RangeError beyond `maxAssetBytes`. */
  assets(): Promise<Asset[]>
}

/** The daemon's limit of a package, and of all assets sent over TCP. */
const maxAssetBytes = 50 * 1024 * 1024
const maxYamlBytes = 1024 * 1024

export function directoryFiles(root: string): PluginFiles {
  return {
    async read(path) {
      try {
        const { size } = await stat(join(root, path))
        if (size > maxYamlBytes)
          throw new RangeError(`expected at most ${maxYamlBytes} bytes, got ${size} in ${path}`)
        return await readFile(join(root, path))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw error
      }
    },
    async assets() {
      const directory = join(root, '_assets')
      const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => [])
      const paths = entries
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
      const assets: Asset[] = []
      let total = 0
      for (const path of paths.sort()) {
        total += (await stat(path)).size
        if (total > maxAssetBytes)
          throw new RangeError(`expected at most ${maxAssetBytes} bytes in total, got more`)
        const filename = path
          .slice(directory.length + 1)
          .split(sep)
          .join('/')
        assets.push({ filename, content: await readFile(path) })
      }
      return assets
    },
  }
}

/** Files in memory; the caller limits their size. */
export function memoryFiles(files: readonly PluginFile[]): PluginFiles {
  const byPath = new Map(files.map((file) => [file.path, file.content]))
  return {
    read: async (path) => byPath.get(path),
    assets: async () =>
      [...byPath]
        .filter(([path]) => path.startsWith('_assets/'))
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([path, content]) => ({ filename: path.slice('_assets/'.length), content })),
  }
}

/** True for a relative path with forward slashes and without empty, `.` or `..` segments. */
export function isPackagePath(path: string): boolean {
  if (path === '' || path.includes('\\') || /^[A-Za-z]:/.test(path)) return false
  // biome-ignore lint/suspicious/noControlCharactersInRegex: rejects control characters
  if (/[\u0000-\u001f\u007f]/.test(path)) return false
  return path.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
}
