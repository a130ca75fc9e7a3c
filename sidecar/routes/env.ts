/** What the middleware leaves for the handlers. */
export interface AppEnv {
  Variables: {
    requestId: string
    /** From the key, never from the request. */
    namespace: string
  }
}
