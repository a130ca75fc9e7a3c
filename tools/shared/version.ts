/** As in package.json and manifest.yaml. */
export const PLUGIN_VERSION = '0.1.0'

/**
 * What to update before plugin and sidecar can work together, or undefined. A sidecar of an older minor version lacks what
 * the nodes call; before 1.0, and then with each major version, a newer sidecar may have changed it.
 */
export function describeMismatch(sidecar: unknown, plugin: string = PLUGIN_VERSION): string | undefined {
  const versions = `The sidecar has version ${sidecar ?? 'unknown'}, this plugin ${plugin}.`
  const own = parse(plugin) as Version
  const other = parse(sidecar)
  if (!other || isLess(other, own)) return `${versions} Update the sidecar.`
  return isLess(breaking(own), breaking(other)) ? `${versions} Update the plugin.` : undefined
}

type Version = readonly [major: number, minor: number]

function parse(text: unknown): Version | undefined {
  const [, major, minor] = /^(\d+)\.(\d+)\./.exec(String(text)) ?? []
  return major === undefined ? undefined : [Number(major), Number(minor)]
}

const breaking = ([major, minor]: Version): Version => (major > 0 ? [major, 0] : [0, minor])

const isLess = (one: Version, other: Version) => (one[0] - other[0] || one[1] - other[1]) < 0
