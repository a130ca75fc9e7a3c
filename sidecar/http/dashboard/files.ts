import { globSync } from 'node:fs'
import { extname } from 'node:path'

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
}

export interface Asset {
  url: URL
  type: string
}

const FOLDER = new URL('assets/', import.meta.url)

/** Everything that may be served: the files in `assets/`, listed once, and two files of uPlot. */
const assets = new Map<string, Asset>(
  globSync('**/*.{js,css,json,svg}', { cwd: FOLDER }).map((path) => [path, toAsset(new URL(path, FOLDER))]),
)
for (const name of ['uPlot.esm.js', 'uPlot.min.css']) {
  assets.set(`uplot/${name}`, toAsset(new URL(import.meta.resolve(`uplot/dist/${name}`))))
}

function toAsset(url: URL): Asset {
  return { url, type: TYPES[extname(url.pathname)] as string }
}

export function findAsset(path: string): Asset | undefined {
  return assets.get(path)
}
