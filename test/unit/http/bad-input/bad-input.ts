/** A request that returns 400 `invalid_request` with the matching message. */
export type BadInput = readonly [name: string, method: string, path: string, body: unknown, message: RegExp]

export function bodies(
  method: string,
  path: string,
  cases: readonly (readonly [name: string, body: unknown, message: RegExp])[],
): BadInput[] {
  return cases.map(([name, body, message]) => [name, method, path, body, message])
}

/** Requests without a body. */
export function requests(
  method: string,
  cases: readonly (readonly [name: string, path: string, message: RegExp])[],
): BadInput[] {
  return cases.map(([name, path, message]) => [name, method, path, undefined, message])
}
