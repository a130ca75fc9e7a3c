import { ToolProvider, ToolProviderCredentialValidationError } from '../../../../plugin-sdk/index.ts'

export class FixtureProvider extends ToolProvider {
  validateCredentials(credentials: Readonly<Record<string, unknown>>) {
    if (credentials['api_key'] !== 'right') {
      throw new ToolProviderCredentialValidationError(`The key ${credentials['api_key']} is not right`)
    }
  }
}
