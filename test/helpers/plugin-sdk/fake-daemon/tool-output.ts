import type { SessionResult } from './session-router.ts'

/** The outputs of a workflow node for a session's chunks, by Dify's rules. */
export interface NodeOutput {
  text: string
  json: unknown[]
  files: { content: Buffer; meta: Record<string, unknown> | null }[]
  variables: Record<string, unknown>
}

/** Assembles chunks and throws where Dify would fail the node. */
export function nodeOutput({ chunks }: Pick<SessionResult, 'chunks'>): NodeOutput {
  const output: NodeOutput = { text: '', json: [], files: [], variables: {} }
  const blobs = new Map<string, { parts: Buffer[]; total: number }>()
  for (const { type, message, meta } of chunks) {
    const body = message ?? {}
    if (type === 'text') output.text += String(body['text'])
    if (type === 'json') output.json.push(body['json_object'])
    if (type === 'variable') addVariable(output.variables, body)
    if (type === 'blob_chunk') {
      const id = String(body['id'])
      const blob = blobs.get(id) ?? { parts: [], total: 0 }
      blobs.set(id, blob)
      const piece = Buffer.from(String(body['blob']), 'base64')
      blob.total += piece.length
      if (piece.length > 8192) throw new Error(`blob chunk of ${piece.length} bytes, at most 8192`)
      if (blob.total > 30 * 1024 * 1024) throw new Error(`blob of ${blob.total} bytes, at most 30 MiB`)
      blob.parts.push(piece)
      if (body['end'] !== true) continue
      if (blob.total !== body['total_length']) throw new Error('blob shorter or longer than total_length')
      output.files.push({ content: Buffer.concat(blob.parts), meta: meta ?? null })
      blobs.delete(id)
    }
  }
  if (blobs.size > 0) throw new Error('a blob has no end')
  return output
}

function addVariable(variables: Record<string, unknown>, body: Record<string, unknown>): void {
  const name = String(body['variable_name'])
  if (['json', 'text', 'files'].includes(name)) throw new Error(`variable name ${name} is reserved`)
  if (!('variable_value' in body)) throw new Error(`variable ${name} has no value`)
  const value = body['variable_value']
  if (!body['stream']) variables[name] = value
  else if (typeof value !== 'string') throw new Error(`streamed variable ${name} is not a string`)
  else variables[name] = String(variables[name] ?? '') + value
}
