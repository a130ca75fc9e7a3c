import { invalid } from '../../../ports/errors.ts'
import type { Api } from '../../shared/operation.ts'
import { scopeOf, signalOf } from '../../shared/operation.ts'
import * as s from '../../shared/schemas.ts'
import type { HttpServices } from '../../shared/services.ts'

/** Names the user of a connection; the client sets it, not the model. */
const USER_HEADER = 'x-hippocache-user'

const userId = s.identifier('', 'ada')

/** MCP over stateless streamable HTTP: one POST per message, answered with JSON. */
export function mcpRoutes(api: Api, services: HttpServices): void {
  api.post('/mcp', async (c) => {
    // Without the header, a key has one user: the one with its name.
    const given = c.req.header(USER_HEADER) ?? c.get('namespace')
    const user = userId.safeParse(given)
    if (!user.success) throw invalid(USER_HEADER, 'a user id of 1 to 256 characters', given)
    let message: unknown
    try {
      message = JSON.parse(await c.req.text())
    } catch {
      throw invalid('body', 'one JSON-RPC message as JSON')
    }
    // A batch could hold thousands of calls, which count as one request.
    if (Array.isArray(message)) throw invalid('body', 'one JSON-RPC message, not a batch', message)
    // Loading takes a second of CPU time, which a start without MCP saves.
    const { answerMessage } = await import('./server.ts')
    const response = await answerMessage(services, scopeOf(c, user.data), c.req.raw, message, signalOf(c))
    // A response that is returned as it is would lose the headers of the rate limit.
    return c.newResponse(response.body, response)
  })
}
