/** A request that is answered with 400 `invalid_request`, the field, what was expected and what came. */
export type BadInput = readonly [name: string, method: string, path: string, body: unknown, message: RegExp]
