/** The rules of `manifest.yaml`: the daemon's struct validators and `ManifestValidate`, and the API's declaration model. */
import { z } from 'zod'
import { at, check, isRecord, type Reporter, warnUnknownKeys } from './report.ts'
import { assetName, bounded, flag, i18n, matching, oneOf, pep440, tags, text, version } from './rules.ts'

const positiveBytes = 'an integer number of bytes greater than 0'
const storageBytes = 'an integer number of bytes from 1024 to 1073741824 (omit storage for none)'
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
        error: 'exactly one provider file (the daemon ignores others)',
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
        .array(oneOf(['amd64', 'arm64']), { error: 'a list of amd64 and arm64' })
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

export type ManifestDeclaration = Omit<z.infer<typeof manifestSchema>, 'plugins' | 'verified'> & {
  plugins: { tools: string[] }
}

/** Kinds that `ManifestValidate` rejects beside tools, and endpoints, which this SDK does not support. */
const otherKinds = ['models', 'endpoints', 'agent_strategies', 'datasources', 'triggers'] as const

/** Reports every problem of the manifest; returns it if there is none. */
export function checkManifest(value: unknown, report: Reporter): ManifestDeclaration | undefined {
  const manifest = check(manifestSchema, value, report)
  warnUnknownKeys(manifestSchema, value, report)
  for (const kind of otherKinds) {
    const listed = at(value, ['plugins', kind])
    if (Array.isArray(listed) && listed.length > 0)
      report.expected(['plugins', kind], 'nothing, because this SDK supports tools only')
  }
  if (!isRecord(value)) return undefined
  if (typeof value['author'] === 'string' && isUuid(value['author']))
    report.expected(['author'], 'a name that is not a UUID')
  if (value['author'] === 'langgenius')
    report.warn(['author'], 'a daemon that enforces official signatures rejects this author')
  if (!manifest) return undefined
  const { models, endpoints, agent_strategies, datasources, triggers, ...plugins } = manifest.plugins
  const { verified, ...declared } = manifest
  return { ...declared, plugins }
}

/** RFC 3339 `date-time`. The daemon rejects times without a zone and plain dates. */
function isRfc3339(value: string): boolean {
  const shape = /^\d{4}-\d{2}-(\d{2})T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/i.exec(value)
  if (!shape) return false
  // Date converts 30 February to March instead of rejecting it.
  const day = new Date(`${value.slice(0, 10)}T00:00:00Z`)
  return !Number.isNaN(Date.parse(value.toUpperCase())) && day.getUTCDate() === Number(shape[1])
}

function isUuid(value: string): boolean {
  return /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i.test(value)
}
