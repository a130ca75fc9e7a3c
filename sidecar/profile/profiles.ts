import { AppError } from '../errors.ts'
import type { Memory } from '../memory/memory.ts'
import { fold } from '../memory/model/topics.ts'
import { gatesOf, passesAll } from '../recall/gates.ts'
import type { Snapshot } from '../recall/snapshot.ts'
import type { Snapshots } from '../recall/snapshots.ts'
import { type CountTokens, tokenCounter } from '../recall/tokens.ts'
import type { RuleBook } from '../rules/rule-book.ts'
import { DEFAULT_RULES, spelledOut } from '../rules/rules.ts'
import { type Scope, scopeKey } from '../scope.ts'
import { type Packed, pack } from './pack.ts'
import { recentPart, staticPart } from './parts.ts'
import { type Placed, placing, type Schema } from './slots.ts'

export interface ProfileRequest {
  agentId?: string | undefined
  runId?: string | undefined
  /** Narrows the memories, and says whose topics order them. */
  appId?: string | undefined
  tokenBudget: number
  maxPerTopic: number
  /** Only these topics; absent: all. */
  topics?: readonly string[] | undefined
  /** Topics to be had before others where not all find room. */
  prefer?: readonly string[] | undefined
}

export interface Profile extends Packed {
  static: readonly Placed[]
  recent: readonly Placed[]
}

export interface ProfilesOptions {
  snapshots: Snapshots
  ruleBook: RuleBook
  /** Whether a model sorts what is said. Where none does, the user's own words stand in the profile. */
  learns: boolean
  /** Epoch milliseconds. */
  now?: () => number
}

/** A packing, and the time in which it holds while the scope does not change. Epoch milliseconds. */
interface Held {
  packed: Packed
  from: number
  until: number
}

/** Packings held for one state of a scope. Each is text of memories that are held anyway, and of some of them. */
const MAX_HELD = 8

/** So that no topic crowds out the others, where nobody has said how many there may be. */
const MAX_PER_TOPIC = 15

/** Text for a prompt, and the memories behind it. */
export interface ProfileText {
  text: string
  tokens: number
  memories: Memory[]
}

/** What is known of a user, by topic. Packings are kept until anything of the scope changes. */
export class Profiles {
  readonly #options: ProfilesOptions
  readonly #now: () => number
  /** By the state of a snapshot: it goes when the scope changes, and when the snapshot goes. */
  readonly #held = new WeakMap<object, Map<string, Held>>()

  constructor(options: ProfilesOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  async read(scope: Scope, request: ProfileRequest): Promise<Profile> {
    const { rules, from } = await this.#options.ruleBook.inForce(scope.namespace, request.appId ?? null)
    const count = await tokenCounter()
    // Last of all, and nothing is waited for behind it: what is answered is what holds now.
    const snapshot = await this.#snapshot(scopeKey(scope))
    const now = this.#now()
    const key = JSON.stringify([from.source, from.version, request])
    const packed = this.#packed(snapshot, key, now, () =>
      this.#pack(snapshot, request, spelledOut(rules).topics, count, now),
    )
    return { ...packed, static: staticPart(packed.kept), recent: recentPart(packed.kept, now) }
  }

  /** What is known of a user, for a recall that finds nothing better in time. */
  async instead(
    scope: Scope,
    { agentId, runId, appId, tokenBudget }: Omit<ProfileRequest, 'maxPerTopic' | 'topics' | 'prefer'>,
  ): Promise<ProfileText> {
    const request = { agentId, runId, appId, tokenBudget, maxPerTopic: MAX_PER_TOPIC }
    return asText(await this.read(scope, request))
  }

  /** What makes a profile of memories that somebody else has read, by the topics of an app. */
  async packing(
    { namespace }: Scope,
    appId: string | null,
  ): Promise<(memories: readonly Memory[], tokenBudget: number) => ProfileText> {
    // Rules that cannot be read leave the facts, in the order of the topics that everybody has.
    const inForce = await this.#options.ruleBook.inForce(namespace, appId).catch(() => undefined)
    const count = await tokenCounter()
    const place = placing(spelledOut(inForce?.rules ?? DEFAULT_RULES).topics)
    const options = { maxPerTopic: MAX_PER_TOPIC, isPreferred: () => false }
    return (memories, tokenBudget) => asText(pack(memories.map(place), { ...options, tokenBudget }, count))
  }

  #packed({ state }: Snapshot, key: string, now: number, make: () => Held): Packed {
    const held = this.#held.get(state) ?? new Map<string, Held>()
    this.#held.set(state, held)
    const known = held.get(key)
    held.delete(key)
    const one = known && known.from <= now && now < known.until ? known : make()
    held.set(key, one)
    const [oldest] = held.keys()
    if (held.size > MAX_HELD && oldest !== undefined) held.delete(oldest)
    return one.packed
  }

  #pack(snapshot: Snapshot, request: ProfileRequest, schema: Schema, count: CountTokens, now: number): Held {
    const { agentId, runId, appId, tokenBudget, maxPerTopic } = request
    const gates = gatesOf({ agentId, runId, appId, now })
    const memories = [...snapshot.memories.values()].filter(
      (memory) => this.#belongs(memory) && passesAll(gates, memory),
    )
    const wanted = request.topics && new Set(request.topics.map(fold))
    const preferred = new Set(request.prefer?.map(fold))
    const placed = memories.map(placing(schema)).filter(({ key }) => wanted?.has(key) ?? true)
    const isPreferred = (key: string) => preferred.has(key)
    const until = memories.reduce((first, { expires_at }) => Math.min(first, expires_at ?? first), Infinity)
    return { packed: pack(placed, { tokenBudget, maxPerTopic, isPreferred }, count), from: now, until }
  }

  /** Sorted memories; and where nothing sorts them, what the user, not the assistant, has said. */
  #belongs({ kind, topic, role }: Memory): boolean {
    if (kind === 'pending') return false
    return kind !== 'verbatim' || topic !== null || (!this.#options.learns && role === 'user')
  }

  async #snapshot(key: string): Promise<Snapshot> {
    try {
      return await this.#options.snapshots.get(key)
    } catch (cause) {
      throw new AppError('backend_unavailable', 'The record store did not answer.', { cause })
    }
  }
}

function asText({ text, tokens, kept }: Packed): ProfileText {
  return { text, tokens, memories: kept.map(({ memory }) => memory) }
}
