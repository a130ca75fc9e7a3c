/** The contents of `manifest.yaml`, the provider file and the tool files, with the field names of the files. */

/** A text in several languages. Locales other than these four are dropped by Dify. */
export interface I18n {
  en_US: string
  zh_Hans?: string
  ja_JP?: string
  pt_BR?: string
}

export interface Option {
  value: string
  label: I18n
  icon?: string
}

/** The credential types of both the daemon and the Dify API. */
export type CredentialType =
  | 'secret-input'
  | 'text-input'
  | 'select'
  | 'boolean'
  | 'app-selector'
  | 'model-selector'
  | 'array[tools]'

export interface CredentialDeclaration {
  name: string
  type: CredentialType
  label: I18n
  required: boolean
  default?: string | number | boolean
  options?: Option[]
  multiple?: boolean
  /** Only for `model-selector` and `app-selector`. */
  scope?: string
  help?: I18n
  placeholder?: I18n
  url?: string
}

/** Set by the model or a workflow variable, by the user before the run, or when the tool is added. */
export type ParameterForm = 'llm' | 'form' | 'schema'

export interface ToolParameter {
  name: string
  /** One of `parameterTypes` in parameters.ts. */
  type: string
  form: ParameterForm
  required: boolean
  default?: unknown
  min?: number
  max?: number
  precision?: number
  options?: Option[]
  multiple?: boolean
  scope?: string
  auto_generate?: { type: 'prompt_instruction' }
  template?: { enabled: boolean }
  input_schema?: Record<string, unknown>
  label: I18n
  human_description: I18n
  llm_description?: string
}

export interface OutputSchema {
  type: 'object'
  /** Each property is one output variable of the workflow node, beside the built-in `text`, `files`, `json`. */
  properties: Record<string, unknown>
  [keyword: string]: unknown
}

export interface ToolDeclaration {
  identity: { author: string; name: string; label: I18n; icon?: string }
  description: { human: I18n; llm: string }
  parameters: ToolParameter[]
  output_schema?: OutputSchema
  has_runtime_parameters?: boolean
}

export interface ProviderDeclaration {
  identity: {
    author: string
    name: string
    label: I18n
    description: I18n
    icon: string
    icon_dark?: string
    tags?: string[]
  }
  credentials_schema: CredentialDeclaration[]
  oauth_schema?: { client_schema: CredentialDeclaration[]; credentials_schema: CredentialDeclaration[] }
  tools: ToolDeclaration[]
}

export interface Permission {
  tool?: { enabled: boolean }
  model?: {
    enabled: boolean
    llm?: boolean
    text_embedding?: boolean
    rerank?: boolean
    tts?: boolean
    speech2text?: boolean
    moderation?: boolean
  }
  node?: { enabled: boolean }
  endpoint?: { enabled: boolean }
  app?: { enabled: boolean }
  /** `size` in bytes, 1024 to 1073741824. */
  storage?: { enabled: boolean; size: number }
}

export interface ManifestDeclaration {
  version: string
  type: 'plugin'
  author: string
  name: string
  label: I18n
  description: I18n
  icon: string
  icon_dark?: string
  /** RFC 3339 with a zone. */
  created_at: string
  /** `memory` in bytes. */
  resource: { memory: number; permission?: Permission }
  plugins: { tools: string[] }
  meta: {
    version: string
    arch: ('amd64' | 'arm64')[]
    runner: { language: 'python'; version: string; entrypoint: string }
    minimum_dify_version?: string
  }
  tags?: string[]
  privacy?: string
  repo?: string
}

export interface PluginDeclaration {
  manifest: ManifestDeclaration
  provider: ProviderDeclaration
  /** Every file under `_assets/`; `filename` is the path below it, with forward slashes. */
  assets: { filename: string; content: Uint8Array }[]
  /** Absolute path of the directory that holds `manifest.yaml`. */
  root: string
}
