/** Where turns are accepted before they can be read. */
export interface Ahead {
  /** Resolves when all that was accepted of a scope can be; `undefined`: it can. */
  caughtUp: (scope: string) => Promise<void> | undefined
}

/** What the middleware leaves for the handlers. */
export interface AppEnv {
  Variables: {
    requestId: string
    /** From the key, never from the request. */
    namespace: string
    ahead: Ahead | undefined
  }
}
