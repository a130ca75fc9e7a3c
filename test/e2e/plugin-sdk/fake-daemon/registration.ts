import { isObject, parse } from '../../../helpers/plugin-sdk/fake-daemon/session-router.ts'

export interface Registered {
  manifest: Record<string, unknown>
  provider: Record<string, unknown>
  assets: Map<string, Buffer>
}

type Step = { rejection: string } | { registered?: Registered }

/** The daemon's registration, line by line. A rejection is the plain-text line before the daemon closes. */
export function createRegistration(key: string): {
  take(line: string): Step
  readonly hasHandshake: boolean
} {
  let hasHandshake = false
  let manifest: Record<string, unknown> | undefined
  let provider: Record<string, unknown> | undefined
  const assets = new Map<string, Buffer>()

  function take(line: string): Step {
    const message = parse(line)
    if (!isObject(message) || !('data' in message))
      return { rejection: 'handshake failed, invalid initialization message' }
    const { type, data } = message
    if (!hasHandshake) {
      if (type !== 'handshake' || !isObject(data))
        return { rejection: 'handshake failed, invalid handshake message' }
      if (data['key'] !== key) return { rejection: 'handshake failed, invalid key' }
      hasHandshake = true
      return {}
    }
    if (type === 'manifest_declaration') return takeManifest(data)
    if (type === 'tool_declaration') return takeTools(data)
    if (type === 'asset_chunk') return takeAsset(data)
    if (type === 'end') return finish()
    return { rejection: `handshake failed, unknown initialization message ${String(type)}` }
  }

  function takeManifest(data: unknown): Step {
    if (manifest) return { rejection: 'declaration already registered' }
    if (!isObject(data) || !/^\d{1,4}(\.\d{1,4}){2}(-\w{1,16})?$/.test(String(data['version'])))
      return { rejection: 'handshake failed, invalid plugin declaration: version' }
    manifest = data
    // The manifest resets the registration, including earlier tools.
    provider = undefined
    return {}
  }

  function takeTools(data: unknown): Step {
    if (provider) return { rejection: 'tool declaration already registered' }
    const first = Array.isArray(data) ? data[0] : undefined
    // The daemon needs the list form of credentials, and inlined tools.
    if (!isObject(first) || !Array.isArray(first['credentials_schema']) || !Array.isArray(first['tools']))
      return { rejection: 'tools register failed, invalid tools declaration' }
    provider = first
    return {}
  }

  function takeAsset(data: unknown): Step {
    const { filename, data: encoded } = isObject(data) ? data : {}
    if (typeof filename !== 'string' || typeof encoded !== 'string' || encoded === '')
      return { rejection: 'transfer assets failed, error: filename and data are required' }
    const piece = Buffer.from(encoded, 'base64')
    if (piece.toString('base64') !== encoded)
      return { rejection: 'assets decode failed, illegal base64 data' }
    assets.set(filename, Buffer.concat([assets.get(filename) ?? Buffer.alloc(0), piece]))
    return {}
  }

  function finish(): Step {
    if (!manifest || !provider) return { rejection: 'no registration transferred, cannot initialize' }
    const icon = String(manifest['icon'])
    if (!assets.has(icon)) return { rejection: `assets remap failed, failed to find icon ${icon}` }
    return { registered: { manifest, provider, assets } }
  }

  return {
    take,
    get hasHandshake() {
      return hasHandshake
    },
  }
}
