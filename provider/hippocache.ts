import { ToolProvider, ToolProviderCredentialValidationError } from '@dify/plugin-sdk-ts'
import { type Credentials, callSidecar, DEADLINE_MS } from '../tools/_sidecar.ts'

/** Checks the settings when they are saved, by one quick call that needs the key. */
export class HippocacheProvider extends ToolProvider {
  override async validateCredentials(credentials: Credentials): Promise<void> {
    const answer = await callSidecar(credentials, {
      method: 'GET',
      path: '/v1/status',
      deadlineMs: DEADLINE_MS.read,
      repeatable: true,
    })
    if (!answer.ok) throw new ToolProviderCredentialValidationError(answer.failure.message)
    // Anybody may answer 200 with a JSON object; only a sidecar gives this name.
    if (answer.body['service'] !== 'hippocache')
      throw new ToolProviderCredentialValidationError(
        'Something answers at this Sidecar URL, but it is not a Hippocache sidecar. Check host, port and path.',
      )
  }
}
