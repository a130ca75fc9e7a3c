import { KEY } from './run-tool.ts'
import { hangUp, json, raw, refusal, type Script } from './stub-sidecar.ts'

/** The parameters of a minimal valid call of each node. */
export const USE: Record<string, Record<string, unknown>> = {
  add_memory: { user: 'I moved to Lisbon.', user_id: 'u1', conversation_id: 'c1', turn: 3 },
  retrieve_memory: { query: 'Where do I live?', user_id: 'u1', conversation_id: 'c1', turn: 3 },
  cache_get: { key: 'k', conversation_id: 'c1', turn: 3 },
  cache_set: { key: 'k', value: 'v', conversation_id: 'c1', turn: 3 },
  list_memories: { user_id: 'u1' },
  update_memory: { memory_id: 'm1', user_id: 'u1', memory: 'Lives in Porto' },
  delete_memory: { memory_id: 'm1', user_id: 'u1' },
  forget_user: { user_id: 'u1', confirm: true },
  memory_history: { memory_id: 'm1', user_id: 'u1' },
  profile: { user_id: 'u1' },
  graph: { user_id: 'u1' },
  entities: { user_id: 'u1' },
  flush_memory: { user_id: 'u1', conversation_id: 'c1' },
  record_outcome: { outcome: 'thumbs', value: 'like', user_id: 'u1', conversation_id: 'c1', turn: 3 },
}

/** Failures of the sidecar or of a server in its place, with the expected message. */
export const FAILURES: Record<string, { script: Script; says: RegExp }> = {
  'a wrong key': {
    script: refusal(401, 'unauthorized', `bad key ${KEY}`),
    says: /does not accept this API key/,
  },
  'a forbidden namespace': {
    script: refusal(403, 'forbidden', 'read only'),
    says: /read only \(forbidden, HTTP 403\)/,
  },
  'an unknown route': { script: refusal(404, 'not_found', 'no such path'), says: /different versions/ },
  'an invalid request': {
    script: refusal(400, 'invalid_request', 'turn: expected …'),
    says: /The sidecar says: turn: expected/,
  },
  'a request that echoes the key': {
    script: refusal(400, 'invalid_request', `Bearer ${KEY} ?`),
    says: /Bearer \*\*\*/,
  },
  'a body that is too large': { script: refusal(413, 'payload_too_large', 'over 1 MB'), says: /over 1 MB/ },
  'a full queue of pending turns': {
    script: refusal(429, 'too_many_pending', '10000 pending turns'),
    says: /The sidecar says: 10000 pending turns \(too_many_pending, HTTP 429\)/,
  },
  'an internal error': { script: refusal(500, 'internal', 'internal error'), says: /internal, HTTP 500/ },
  'a backend that is down': {
    script: refusal(503, 'backend_unavailable', 'Redis is down'),
    says: /up but not ready.*Redis is down/,
  },
  'a web server': {
    script: raw(404, 'text/html', '<h1>Not Found</h1>'),
    says: /not a Hippocache sidecar.*HTTP 404, text\/html/,
  },
  'a web page': { script: raw(200, 'text/html', '<html>hi</html>'), says: /is not a Hippocache sidecar/ },
  'a login page': {
    script: raw(401, 'text/html', 'login'),
    says: /A proxy or login page at .* refused access/,
  },
  'a redirect': {
    script: raw(301, 'text/html', '', { location: 'https://elsewhere.example/x?k=1' }),
    says: /redirects to https:\/\/elsewhere\.example \(/,
  },
  'a proxy without a sidecar': {
    script: raw(502, 'text/html', 'Bad Gateway'),
    says: /A proxy at .* cannot reach the Hippocache sidecar/,
  },
  'broken JSON': { script: raw(200, 'application/json', '{"status":'), says: /is not a Hippocache sidecar/ },
  'a JSON list': { script: json(200, []), says: /is not a Hippocache sidecar/ },
  'JSON null': { script: json(200, null), says: /is not a Hippocache sidecar/ },
  'a JSON object of another service': {
    script: json(200, { status: 'fine' }),
    says: /could not be read \((status|memories|history|text|nodes|entities)\)/,
  },
  'an answer that is too large': {
    script: raw(200, 'application/json', `{"a":"${'x'.repeat(3 << 20)}"}`),
    says: /too large/,
  },
  'a closed connection': { script: hangUp, says: /connection failed \(ECONNRESET\)/ },
}
