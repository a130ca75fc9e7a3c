import { isObject, parse } from './session-router.ts'

export interface Registered {
  manifest: Record<string, unknown>
  provider: Record<string, unknown>
  assets: Map<string, Buffer>
}

type Step = { refusal: string } | { registered?: Registered }

const MAX_ASSETS = 50 * 1024 * 1024

/** The daemon's registration, one line at a time. A refusal is the plain-text line it answers before closing. */
export function createRegistration(key: string): { take(line: string): Step; readonly shaken: boolean } {
  let shaken = false
  let manifest: Record<string, unknown> | undefined
  let provider: Record<string, unknown> | undefined
  let received = 0
  const assets = new Map<string, Buffer>()

  function take(line: string): Step {
    const message = parse(line)
    const invalid = !isObject(message) || typeof message['type'] !== 'string' || !('data' in message)
    if (!shaken) {
      const data = invalid ? undefined : message['data']
      if (invalid || message['type'] !== 'handshake' || !isObject(data)) {
        return { refusal: 'handshake failed, invalid handshake message' }
      }
      if (data['key'] !== key) return { refusal: 'handshake failed, invalid key' }
      shaken = true
      return {}
    }
    if (invalid) return { refusal: 'handshake failed, invalid initialization message' }
    const { type, data } = message
    if (type === 'manifest_declaration') return takeManifest(data)
    if (type === 'tool_declaration') return takeTools(data)
    if (type === 'asset_chunk') return takeAsset(data)
    if (type === 'end') return finish()
    return { refusal: `handshake failed, unknown initialization message ${String(type)}` }
  }

  function takeManifest(data: unknown): Step {
    if (manifest) return { refusal: 'declaration already registered' }
    const problem = manifestProblem(data)
    if (problem) return { refusal: `handshake failed, invalid plugin declaration: ${problem}` }
    manifest = data as Record<string, unknown>
    // The manifest replaces the whole configuration, tools that came before it included.
    provider = undefined
    return {}
  }

  function takeTools(data: unknown): Step {
    if (provider) return { refusal: 'tool declaration already registered' }
    const first = Array.isArray(data) ? data[0] : undefined
    const problem = providerProblem(first)
    if (problem) return { refusal: `tools register failed, invalid tools declaration: ${problem}` }
    provider = first as Record<string, unknown>
    return {}
  }

  function takeAsset(data: unknown): Step {
    const { filename, data: encoded } = isObject(data) ? data : {}
    if (typeof filename !== 'string' || typeof encoded !== 'string' || encoded === '') {
      return { refusal: 'transfer assets failed, error: filename and data are required' }
    }
    const piece = Buffer.from(encoded, 'base64')
    if (piece.toString('base64') !== encoded) return { refusal: 'assets decode failed, illegal base64 data' }
    received += piece.length
    if (received > MAX_ASSETS) return { refusal: 'assets too large, at most 50MB' }
    assets.set(filename, Buffer.concat([assets.get(filename) ?? Buffer.alloc(0), piece]))
    return {}
  }

  function finish(): Step {
    if (!manifest || !provider) return { refusal: 'no registration transferred, cannot initialize' }
    const identity = provider['identity'] as Record<string, unknown>
    for (const icon of [manifest['icon'], manifest['icon_dark'], identity['icon'], identity['icon_dark']]) {
      if (typeof icon === 'string' && icon !== '' && !assets.has(icon)) {
        return { refusal: `assets remap failed, failed to find icon ${icon}` }
      }
    }
    if (
      !/^[a-z0-9_-]{1,64}$/.test(String(manifest['author'])) ||
      !/^[a-z0-9_-]{1,128}$/.test(String(manifest['name']))
    ) {
      return { refusal: 'register failed, invalid manifest detected: author or name' }
    }
    return { registered: { manifest, provider, assets } }
  }

  return {
    take,
    get shaken() {
      return shaken
    },
  }
}

function manifestProblem(data: unknown): string | null {
  if (!isObject(data)) return 'not an object'
  if (!/^\d{1,4}(\.\d{1,4}){2}(-\w{1,16})?$/.test(String(data['version']))) return 'version'
  if (data['type'] !== 'plugin') return 'type'
  if (typeof data['icon'] !== 'string' || data['icon'] === '') return 'icon'
  // RFC 3339 with a zone.
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(String(data['created_at'])))
    return 'created_at'
  for (const field of ['label', 'description']) {
    const text = data[field]
    if (!isObject(text) || typeof text['en_US'] !== 'string' || text['en_US'] === '') return field
  }
  const meta = data['meta']
  if (!isObject(meta) || !isObject(meta['runner']) || meta['runner']['language'] !== 'python') return 'meta'
  return null
}

function providerProblem(data: unknown): string | null {
  if (!isObject(data) || !isObject(data['identity'])) return 'not a provider'
  if (!/^[a-zA-Z0-9_-]+$/.test(String(data['identity']['name']))) return 'identity.name'
  const credentials = data['credentials_schema']
  if (!('credentials_schema' in data) && !('credentials_for_provider' in data))
    return 'unexpected end of JSON input'
  if (Array.isArray(credentials) && credentials.some((item) => !isObject(item) || !item['name']))
    return 'name'
  if (!Array.isArray(data['tools']) || data['tools'].some((tool) => !isObject(tool))) return 'tools'
  return null
}
