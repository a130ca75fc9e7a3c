/** The rules of `manifest.yaml`: the daemon's struct validators and `ManifestValidate`, and the API's declaration model. */
import { z } from 'zod'
import { warnUnknownKeys } from './known-keys.ts'
import { at, check, isRecord, type Reporter } from './report.ts'
import { assetName, bounded, flag, i18n, matching, oneOf, pep440, tags, text, version } from './rules.ts'
import type { ManifestDeclaration } from './types.ts'

const positiveBytes = 'a whole number of bytes greater than 0'
const storageBytes =
  'a whole number of bytes from 1024 to 1073741824 (omit storage altogether for no storage)'
const bytes = (phrase: string, min: number, max: number) =>
  z.int({ error: phrase }).min(min, { error: phrase }).max(max, { error: phrase })
const enabled = () => z.object({ enabled: flag() }, { error: 'a mapping with enabled' })
const files = () => z.array(bounded(128), { error: 'a list of file paths' })

const permission = z.object(
  {
    tool: enabled().exactOptional(),
    model: z
      .object(
        {
          enabled: flag(),
          llm: flag().exactOptional(),
          text_embedding: flag().exactOptional(),
          rerank: flag().exactOptional(),
          tts: flag().exactOptional(),
          speech2text: flag().exactOptional(),
          moderation: flag().exactOptional(),
        },
        { error: 'a mapping with enabled' },
      )
      .exactOptional(),
    node: enabled().exactOptional(),
    endpoint: enabled().exactOptional(),
    app: enabled().exactOptional(),
    storage: z
      .object(
        { enabled: flag(), size: bytes(storageBytes, 1024, 1_073_741_824) },
        { error: 'a mapping with enabled and size' },
      )
      .exactOptional(),
  },
  { error: 'a mapping of permissions' },
)

const manifestSchema = z.object({
  version: version(),
  type: z.literal('plugin', { error: '"plugin"' }),
  author: matching(/^[a-z0-9_-]{1,64}$/, '1 to 64 of a-z, 0-9, _ and -'),
  name: matching(/^[a-z0-9_-]{1,128}$/, '1 to 128 of a-z, 0-9, _ and -'),
  label: i18n(),
  description: i18n(),
  icon: assetName(),
  icon_dark: assetName().exactOptional(),
  created_at: text('a time with a zone such as 2025-01-01T00:00:00Z').refine(isRfc3339, {
    error: 'a time with a zone such as 2025-01-01T00:00:00Z',
  }),
  resource: z.object(
    { memory: bytes(positiveBytes, 1, Number.MAX_SAFE_INTEGER), permission: permission.exactOptional() },
    { error: 'a mapping with memory' },
  ),
  plugins: z.object(
    {
      tools: files().length(1, {
        error: 'exactly one provider file (the daemon keeps one and drops the others)',
      }),
      models: files().exactOptional(),
      endpoints: files().exactOptional(),
      agent_strategies: files().exactOptional(),
      datasources: files().exactOptional(),
      triggers: files().exactOptional(),
    },
    { error: 'a mapping with tools' },
  ),
  meta: z.object(
    {
      version: version(),
      arch: z
        .array(oneOf(['amd64', 'arm64']), { error: 'a list out of amd64, arm64' })
        .min(1, { error: 'at least one of amd64, arm64' }),
      runner: z.object(
        {
          language: z.literal('python', { error: '"python" (the only language the daemon starts)' }),
          version: bounded(128, 'a quoted version such as "3.12"'),
          entrypoint: matching(
            /^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/,
            'the name of a Python module such as main',
          ).max(256, {
            error: 'at most 256 characters',
          }),
        },
        { error: 'a mapping with language, version and entrypoint' },
      ),
      minimum_dify_version: pep440().exactOptional(),
    },
    { error: 'a mapping with version, arch and runner' },
  ),
  tags: tags().exactOptional(),
  privacy: text().exactOptional(),
  repo: z.url({ error: 'a URL (omit the key when there is none)' }).exactOptional(),
  verified: flag().exactOptional(),
})

/** Kinds that `ManifestValidate` refuses beside tools, and endpoints, which this SDK has no runtime for. */
const otherKinds = ['models', 'endpoints', 'agent_strategies', 'datasources', 'triggers'] as const

/** Reports everything wrong in the manifest; returns it where nothing is. */
export function checkManifest(value: unknown, report: Reporter): ManifestDeclaration | undefined {
  const manifest = check(manifestSchema, value, report)
  warnUnknownKeys(manifestSchema, value, report)
  for (const kind of otherKinds) {
    const listed = at(value, ['plugins', kind])
    if (Array.isArray(listed) && listed.length > 0)
      report.expected(['plugins', kind], 'nothing: a tool plugin of this SDK has tools only')
  }
  if (!isRecord(value)) return undefined
  if (typeof value['author'] === 'string' && isUuid(value['author']))
    report.expected(['author'], 'a name that is not a UUID')
  if (value['author'] === 'langgenius')
    report.warn(['author'], 'a daemon that enforces official signatures refuses this author')
  if (!manifest) return undefined
  const { models, endpoints, agent_strategies, datasources, triggers, ...plugins } = manifest.plugins
  const { verified, ...declared } = manifest
  return { ...declared, plugins }
}

/** RFC 3339 `date-time`: the daemon refuses a naive time and a bare date in JSON. */
function isRfc3339(value: string): boolean {
  const shape = /^\d{4}-\d{2}-(\d{2})T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/i.exec(value)
  if (!shape) return false
  // Date rolls an impossible day such as 30 February over instead of refusing it.
  const day = new Date(`${value.slice(0, 10)}T00:00:00Z`)
  return !Number.isNaN(Date.parse(value.toUpperCase())) && day.getUTCDate() === Number(shape[1])
}

function isUuid(value: string): boolean {
  return /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i.test(value)
}
