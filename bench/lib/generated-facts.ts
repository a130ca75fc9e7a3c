/** Returns a generator of pseudo-random numbers in [0, 1), deterministic per seed (mulberry32, public domain). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

const NAMES = 'Amara Bruno Chiyo Dmitri Elif Farah Goran Hanna Ivo Jun'.split(' ')
const VERBS = 'bought repaired painted lost found sold borrowed cleaned wrapped drew'.split(' ')
const COLOURS = 'red teal amber violet grey ivory black golden olive navy'.split(' ')
const THINGS = 'bicycle lantern guitar kettle notebook telescope jacket violin camera kite'.split(' ')
const PLACES = 'Lisbon Oslo Nairobi Kyoto Quito Tbilisi Hanoi Perth Cusco Bergen'.split(' ')

export interface GeneratedFact {
  text: string
  /** Answered by this fact only. */
  question: string
}

/** Generates distinct sentences, each with a question that only it answers. */
export function generateFacts(count: number, random: () => number): GeneratedFact[] {
  const pick = (list: readonly string[]) => list[Math.floor(random() * list.length)] as string
  const used = new Set<string>()
  const facts: GeneratedFact[] = []
  while (facts.length < count) {
    const [name, verb, colour, thing, place] = [NAMES, VERBS, COLOURS, THINGS, PLACES].map(pick)
    const key = `${name} ${colour} ${thing}`
    if (used.has(key)) continue
    used.add(key)
    facts.push({
      text: `Yesterday my friend ${name} ${verb} a ${colour} ${thing} in ${place}, and we talked about it for an hour.`,
      question: `What happened with the ${colour} ${thing} of ${name}?`,
    })
  }
  return facts
}

/** Where each person of the facts lives: a move to each place, so that most relations have ended. */
export function generateRelations(): string[] {
  return PLACES.flatMap((place) => NAMES.map((name) => `My friend ${name} lives in ${place}.`))
}
