import type { Memory } from '../../memory/model/memory.ts'
import { type Narrowing, type Scope, scopeKey } from '../../memory/model/scope.ts'
import { fold } from '../../memory/model/topics.ts'
import { readLatestMemories } from '../../memory/repositories/memories.ts'
import type { OnInvalidRecord } from '../../memory/repositories/record.ts'
import type { RuleBook } from '../../memory/rules/rule-book.ts'
import { DEFAULT_RULES, withDefaultTopics } from '../../memory/rules/rules.ts'
import type { RecordStore } from '../../ports/records.ts'
import { tokenCounter } from '../../text/token-counter.ts'
import { runInSlices, type Steps } from '../../text/workers/slices.ts'
import { createGates, passesAll } from '../gates.ts'
import { type Packed, pack } from './pack.ts'
import { selectRecent, selectStatic } from './parts.ts'
import { createSlotter, type SlottedMemory } from './slots.ts'

/** `appId` filters the memories and selects the topics that sort them. */
interface ProfileRequest extends Omit<Narrowing, 'conversationId'> {
  tokenBudget: number
  maxPerTopic: number
  /** Includes only these topics; absent: all. */
  topics?: readonly string[] | undefined
  /** Topics whose memories are included before all others. */
  prefer?: readonly string[] | undefined
  /** Once aborted, nothing more is read. */
  signal?: AbortSignal | undefined
}

interface Profile extends Packed {
  static: readonly SlottedMemory[]
  recent: readonly SlottedMemory[]
}

/** Prompt text and its memories. */
export interface ProfileText {
  text: string
  tokens: number
  memories: Memory[]
}

interface ProfilesOptions {
  records: RecordStore
  onInvalidRecord?: OnInvalidRecord | undefined
  ruleBook: RuleBook
  /** Whether a model assigns topics. Without one, the profile includes the statements of the user. */
  learns: boolean
  /** Epoch milliseconds. */
  now: () => number
}

const DEFAULT_MAX_PER_TOPIC = 15
/** Memories that a profile is selected from, the latest ones. */
const MAX_MEMORIES = 10_000

/** Renders the memories of a user by topic. */
export class Profiles {
  readonly #options: ProfilesOptions

  constructor(options: ProfilesOptions) {
    this.#options = options
  }

  async read(scope: Scope, request: ProfileRequest): Promise<Profile> {
    const { rules } = await this.#options.ruleBook.inForce(scope.namespace, request.appId ?? null)
    const count = await tokenCounter()
    const latest = await this.#readLatest(scopeKey(scope), request.signal)
    const now = this.#options.now()
    const { agentId, runId, appId, tokenBudget, maxPerTopic } = request
    const gates = createGates({ agentId, runId, appId, now })
    const topics = request.topics && new Set(request.topics.map(fold))
    const preferred = new Set(request.prefer?.map(fold))
    const toSlot = createSlotter(withDefaultTopics(rules).topics)
    const isListed = (memory: Memory) => this.#isListed(memory) && passesAll(gates, memory)
    const all = await runInSlices(slotAll(latest, isListed, toSlot), request.signal)
    const slotted = all.filter(({ key }) => topics?.has(key) ?? true)
    const isPreferred = (key: string) => preferred.has(key)
    const packed = pack(slotted, { tokenBudget, maxPerTopic, isPreferred }, count)
    return { ...packed, static: selectStatic(packed.kept), recent: selectRecent(packed.kept, now) }
  }

  /** The context of a recall that failed or exceeded its deadline. */
  async readText(
    scope: Scope,
    { agentId, runId, appId, tokenBudget, signal }: Omit<ProfileRequest, 'maxPerTopic' | 'topics' | 'prefer'>,
  ): Promise<ProfileText> {
    const request = { agentId, runId, appId, tokenBudget, maxPerTopic: DEFAULT_MAX_PER_TOPIC, signal }
    return toText(await this.read(scope, request))
  }

  /** Returns a function that renders given memories by the topics of an app. */
  async packer(
    { namespace }: Scope,
    appId: string | null,
  ): Promise<(memories: readonly Memory[], tokenBudget: number) => ProfileText> {
    // If the rules cannot be read, the default topics are used.
    const inForce = await this.#options.ruleBook.inForce(namespace, appId).catch(() => undefined)
    const count = await tokenCounter()
    const toSlot = createSlotter(withDefaultTopics(inForce?.rules ?? DEFAULT_RULES).topics)
    const options = { maxPerTopic: DEFAULT_MAX_PER_TOPIC, isPreferred: () => false }
    return (memories, tokenBudget) => toText(pack(memories.map(toSlot), { ...options, tokenBudget }, count))
  }

  /** Memories with a topic; without a model also the statements of the user, but not of the assistant. */
  #isListed({ kind, topic, role }: Memory): boolean {
    if (kind === 'pending') return false
    return kind !== 'verbatim' || topic !== null || (!this.#options.learns && role === 'user')
  }

  async #readLatest(scope: string, signal: AbortSignal | undefined): Promise<Memory[]> {
    const { records, onInvalidRecord } = this.#options
    const latest = await readLatestMemories(records, scope, MAX_MEMORIES, onInvalidRecord, signal)
    return latest.map(({ memory }) => memory).reverse()
  }
}

function* slotAll(
  memories: readonly Memory[],
  isListed: (memory: Memory) => boolean,
  toSlot: (memory: Memory) => SlottedMemory,
): Steps<SlottedMemory[]> {
  const slotted: SlottedMemory[] = []
  for (const memory of memories) {
    yield
    if (isListed(memory)) slotted.push(toSlot(memory))
  }
  return slotted
}

function toText({ text, tokens, kept }: Packed): ProfileText {
  return { text, tokens, memories: kept.map(({ memory }) => memory) }
}
