import { nameKey } from '../../text/relations/names.ts'
import { normalise } from '../../text/terms/normalise.ts'
import type { MemoryGraph, Mention, StoredRelation } from '../model/graph.ts'
import type { Memory } from '../model/memory.ts'

/** An entity that an operator knows, such as a product or a colleague. */
export interface KnownEntity {
  name: string
  type: string
  aliases: readonly string[]
}

/** One name of a known entity, normalised for comparison with texts. */
interface Form {
  text: string
  name: string
  entity: KnownEntity
}

/** Characters that select the names that may start at a position of a text. */
const START = 2

/** Finds the names of known entities in texts, in any script. */
export class EntityDictionary {
  readonly #byStart: ReadonlyMap<string, Form[]>

  constructor(entities: readonly KnownEntity[]) {
    const forms = entities.flatMap((entity) =>
      [entity.name, ...entity.aliases].map((name): Form => ({ text: normalise(name), name, entity })),
    )
    // The longest name at a position is the one that is meant: `New York Times` before `New York`.
    forms.sort((a, b) => b.text.length - a.text.length)
    this.#byStart = Map.groupBy(forms, ({ text }) => text.slice(0, START))
  }

  /** Adds the known entities that the text of a memory names to what the memory states. */
  extend(memory: Memory): Memory {
    const found = this.#find(memory.text)
    if (found.length === 0) return memory
    return { ...memory, ...mergeKnown(memory, found, memory.updated_at) }
  }

  #find(given: string): Form[] {
    const text = normalise(given)
    const found: Form[] = []
    for (let i = 0; i <= text.length - START; i++) {
      const form = this.#byStart
        .get(text.slice(i, i + START))
        ?.find((one) => text.startsWith(one.text, i) && isWhole(text, i, i + one.text.length))
      if (!form) continue
      found.push(form)
      i += form.text.length - 1
    }
    return found
  }
}

function mergeKnown(
  { mentions = [], relations = [] }: MemoryGraph,
  found: readonly Form[],
  at: number,
): MemoryGraph {
  const known = found.flatMap(({ name, entity }): Mention[] => [
    { name: entity.name, type: entity.type },
    { name, type: entity.type },
  ])
  const typeOf = new Map(known.map(({ name, type }) => [nameKey(name), type]))
  const aliases = found
    .filter(({ name, entity }) => nameKey(name) !== nameKey(entity.name))
    .map(
      ({ name, entity }): StoredRelation => ({
        ...{ subject: entity.name, label: 'same_as', object: name, object_type: entity.type },
        ...{ confidence: 1, recorded_at: at },
      }),
    )
  return {
    // The type of the dictionary wins over what the text suggests.
    mentions: [...mentions.filter(({ name }) => !typeOf.has(nameKey(name))), ...known],
    relations: [
      ...relations.map((relation) => ({
        ...relation,
        object_type: typeOf.get(nameKey(relation.object)) ?? relation.object_type,
      })),
      ...aliases,
    ],
  }
}

/** Letters and digits of scripts that separate words by spaces. */
const SPACED = /[\p{L}\p{N}]/u
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}ー]/u

/** Whether a name is not a part of a longer word: `Ada` is not in `Adamant`. */
function isWhole(text: string, start: number, end: number): boolean {
  const isJoined = (a = '', b = '') =>
    SPACED.test(a) && SPACED.test(b) && !UNSPACED.test(a) && !UNSPACED.test(b)
  return !isJoined(text[start - 1], text[start]) && !isJoined(text[end - 1], text[end])
}
