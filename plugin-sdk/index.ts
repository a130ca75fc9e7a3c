/** A TypeScript SDK for Dify tool plugins. Start at `Plugin`, `Tool` and `ToolProvider`. */
export type {
  EmbeddingRequest,
  EmbeddingResult,
  LlmRequest,
  LlmResult,
  ModelSelection,
  Models,
  PromptMessage,
  PromptTool,
} from './backwards/models.ts'
export { MAX_STORED_BYTES, type Storage } from './backwards/storage.ts'
export {
  type CredentialDeclaration,
  DeclarationError,
  type I18n,
  loadPlugin,
  type ManifestDeclaration,
  type PluginDeclaration,
  type ProviderDeclaration,
  type ToolDeclaration,
  type ToolParameter,
  toWire,
} from './declarations/index.ts'
export {
  BackwardsInvocationError,
  ConfigurationError,
  FrameTooLargeError,
  InvalidMessageError,
  InvalidParameterError,
  InvalidRequestError,
  PluginError,
  PluginUnavailableError,
  RegistrationError,
  SessionTimeoutError,
  ToolProviderCredentialValidationError,
  TransportClosedError,
} from './errors.ts'
export {
  type BlobMeta,
  blobMessages,
  finishLogMessage,
  imageMessage,
  jsonMessage,
  type LogOptions,
  linkMessage,
  logMessage,
  MAX_BLOB_BYTES,
  RESERVED_VARIABLES,
  type RetrieverResource,
  retrieverResourcesMessage,
  streamVariableMessage,
  type ToolMessage,
  textMessage,
  variableMessage,
} from './messages.ts'
export { fillParameters } from './parameters.ts'
export { Plugin, type PluginLoadOptions, type PluginOptions } from './plugin.ts'
export type { Frame } from './protocol.ts'
export type { Timers } from './timers.ts'
export {
  type ParameterOption,
  Tool,
  type ToolClass,
  type ToolContext,
  type ToolFunction,
  ToolProvider,
  type ToolProviderClass,
  type ToolRuntime,
  type ToolSession,
} from './tool.ts'
export { createMemoryPair, type MemoryDaemon } from './transports/memory.ts'
export { createServerlessTransport, type ServerlessOptions } from './transports/serverless.ts'
export { createStdioTransport, reserveStdout, type StdioOptions } from './transports/stdio.ts'
export { createTcpTransport, type TcpOptions } from './transports/tcp.ts'
export type { Channel, Oversize, Transport } from './transports/transport.ts'
