/** A received request, without its key. */
export interface ScriptedRequest {
  method: string
  path: string
  query: Record<string, string>
  headers: Record<string, string>
  // biome-ignore lint/suspicious/noExplicitAny: tests assert on the members that they expect
  body: any
  /** Content of the last message, or the texts to embed one per line. */
  last: string
  /** Contents of all messages, one per line. */
  all: string
}

export type Answer =
  | string
  | { content?: string; calls?: { name: string; arguments: unknown }[]; finish?: string }

export interface Rule {
  /** An expression is matched against the last message. @default every request */
  when?: RegExp | ((request: ScriptedRequest) => boolean)
  /** Answer of the model. */
  answer?: Answer | ((request: ScriptedRequest) => Answer)
  /** The whole response body instead: text unchanged, other values as JSON. */
  body?: unknown
  status?: number
  headers?: Record<string, string>
  latencyMs?: number
  /** Never responds, or never ends the response body. */
  hang?: true | 'in the body'
  /** Closes the connection before the response, or within its body. */
  resetConnection?: true | 'in the body'
  /** Number of requests that the rule applies to. @default all */
  times?: number
  /** Overrides members of `usage`. */
  usage?: Record<string, unknown>
}

/** The rules in order; a rule that was applied `times` times is skipped. */
export class RuleTable {
  readonly #rules: { rule: Rule; left: number }[] = []
  #fallback: Rule

  constructor(rules: readonly Rule[], fallback: Rule) {
    this.add(...rules)
    this.#fallback = fallback
  }

  add(...rules: Rule[]): void {
    for (const rule of rules) this.#rules.push({ rule, left: rule.times ?? Number.POSITIVE_INFINITY })
  }

  /** Replaces all rules. */
  replace(...rules: Rule[]): void {
    this.#rules.length = 0
    this.add(...rules)
  }

  for(request: ScriptedRequest): Rule {
    const found = this.#rules.find(({ rule, left }) => left > 0 && holds(rule, request))
    if (!found) return this.#fallback
    found.left--
    return found.rule
  }
}

function holds({ when }: Rule, request: ScriptedRequest): boolean {
  if (when === undefined) return true
  return when instanceof RegExp ? when.test(request.last) : when(request)
}
