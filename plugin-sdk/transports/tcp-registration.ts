/** What the daemon is told before it sends requests. */
export interface Registration {
  manifest: object
  /** The provider objects, tools inlined; the daemon takes the first. */
  tools: object[]
  /** `filename` is the path below `_assets/`. */
  assets: readonly { filename: string; content: Uint8Array }[]
}

/** Raw bytes of an asset per line, as in Dify's own SDK. */
export const ASSET_CHUNK_BYTES = 8192

/** The first line; the daemon closes the connection unless it comes within 10 s. */
export const handshakeLine = (key: string): string => encode('handshake', { key })

/**
 * The lines after the handshake, in the order the daemon needs: the manifest replaces all it knows, so it comes
 * before the tools. `data` is required in each. Empty files are left out: the daemon refuses empty chunks.
 */
export function* declarationLines(registration: Registration): Generator<string> {
  yield encode('manifest_declaration', registration.manifest)
  yield encode('tool_declaration', registration.tools)
  for (const { filename, content } of registration.assets) {
    for (let start = 0; start < content.length; start += ASSET_CHUNK_BYTES) {
      const piece = content.subarray(start, start + ASSET_CHUNK_BYTES)
      yield encode('asset_chunk', {
        filename,
        data: Buffer.from(piece.buffer, piece.byteOffset, piece.length).toString('base64'),
        end: start + ASSET_CHUNK_BYTES >= content.length,
      })
    }
  }
  yield encode('end', {})
}

function encode(type: string, data: object): string {
  return JSON.stringify({ type, data })
}
