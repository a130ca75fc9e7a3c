/** A request as the server saw it. The key is not kept. */
export interface ScriptedRequest {
  method: string
  path: string
  query: Record<string, string>
  headers: Record<string, string>
  // What came as JSON, for tests to look into freely.
  // biome-ignore lint/suspicious/noExplicitAny: a test asserts on members that it knows were sent
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
  /** On the last message when it is an expression. @default every request */
  when?: RegExp | ((request: ScriptedRequest) => boolean)
  /** What the model says. */
  answer?: Answer | ((request: ScriptedRequest) => Answer)
  /** The whole body instead: text as it is, anything else as JSON. */
  body?: unknown
  status?: number
  headers?: Record<string, string>
  latencyMs?: number
  /** Never answers, or never ends its body. */
  hang?: true | 'in the body'
  /** Breaks the connection before the answer, or in the middle of its body. */
  resetConnection?: true | 'in the body'
  /** How often the rule holds. @default always */
  times?: number
  /** Overrides members of `usage`. */
  usage?: Record<string, unknown>
}

/** The rules in order; a rule that has held `times` times is passed over. */
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

  /** Nothing but these from now on. */
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
