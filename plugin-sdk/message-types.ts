export interface BlobMeta {
  mime_type: string
  filename?: string
}

export type LogStatus = 'start' | 'success' | 'error'

export interface LogEntry {
  /** Repeating an id updates the entry. */
  id: string
  label: string
  parent_id: string | null
  error: string | null
  status: LogStatus
  data: Record<string, unknown>
  /** Dify reads started_at, finished_at, elapsed_time (seconds), total_price, total_tokens, provider, currency. */
  metadata: Record<string, unknown> | null
}

export interface RetrieverResource {
  position?: number
  dataset_id?: string
  dataset_name?: string
  document_id?: string
  document_name?: string
  segment_id?: string
  score?: number
  content?: string
  [field: string]: unknown
}

interface MessageBodies {
  text: { text: string }
  json: { json_object: object }
  link: { text: string }
  image: { text: string }
  blob_chunk: { id: string; sequence: number; total_length: number; blob: string; end: boolean }
  variable: { variable_name: string; variable_value: unknown; stream: boolean }
  log: LogEntry
  retriever_resources: { retriever_resources: RetrieverResource[]; context: string }
}

export type ToolMessageType = keyof MessageBodies

/** What a tool yields: one chunk of the answer to `invoke_tool`. */
export type ToolMessage = {
  [T in ToolMessageType]: { type: T; message: MessageBodies[T]; meta: Record<string, unknown> | null }
}[ToolMessageType]

/** The message of one type. */
export type Message<T extends ToolMessageType> = Extract<ToolMessage, { type: T }>
