/** A request that returns 400 `invalid_request` with the matching message. */
export type BadInput = readonly [name: string, method: string, path: string, body: unknown, message: RegExp]
