import { ToolProvider, ToolProviderCredentialValidationError } from '@dify/plugin-sdk-ts'
import { NodeError } from '../tools/shared/failure.ts'
import { type Credentials, callSidecar } from '../tools/shared/sidecar.ts'
import { describeMismatch } from '../tools/shared/version.ts'

/** Checks the settings, and the version of the sidecar, when they are saved: with one quick call that needs the key. */
export class HippocacheProvider extends ToolProvider {
  override async validateCredentials(credentials: Credentials): Promise<void> {
    const { body } = await callSidecar(credentials, { method: 'GET', path: '/v1/status' }).catch((error) => {
      throw error instanceof NodeError ? new ToolProviderCredentialValidationError(error.message) : error
    })
    // Other servers answer 200 with a JSON object too.
    if (body['service'] !== 'hippocache')
      throw new ToolProviderCredentialValidationError(
        'The server at this Sidecar URL is not a Hippocache sidecar. Check host, port and path.',
      )
    const mismatch = describeMismatch(body['version'])
    if (mismatch !== undefined) throw new ToolProviderCredentialValidationError(mismatch)
  }
}
