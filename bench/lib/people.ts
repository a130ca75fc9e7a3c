/** A generator of pseudo-random numbers in [0, 1), the same for the same seed (mulberry32, public domain). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

const NAMES = ['Amara', 'Bruno', 'Chiyo', 'Dmitri', 'Elif', 'Farah', 'Goran', 'Hanna', 'Ivo', 'Jun']
const VERBS = [
  'bought',
  'repaired',
  'painted',
  'lost',
  'found',
  'sold',
  'borrowed',
  'cleaned',
  'wrapped',
  'drew',
]
const COLOURS = ['red', 'teal', 'amber', 'violet', 'grey', 'ivory', 'black', 'golden', 'olive', 'navy']
const THINGS = [
  'bicycle',
  'lantern',
  'guitar',
  'kettle',
  'notebook',
  'telescope',
  'jacket',
  'violin',
  'camera',
  'kite',
]
const PLACES = ['Lisbon', 'Oslo', 'Nairobi', 'Kyoto', 'Quito', 'Tbilisi', 'Hanoi', 'Perth', 'Cusco', 'Bergen']

/** Sentences that are all different, each with a question that only it answers. */
export function facts(count: number, random: () => number): { text: string; question: string }[] {
  const pick = (list: readonly string[]) => list[Math.floor(random() * list.length)] as string
  const seen = new Set<string>()
  const made: { text: string; question: string }[] = []
  while (made.length < count) {
    const [name, verb, colour, thing, place] = [NAMES, VERBS, COLOURS, THINGS, PLACES].map(pick)
    if (seen.has(`${name} ${colour} ${thing}`)) continue
    seen.add(`${name} ${colour} ${thing}`)
    made.push({
      text: `Yesterday my friend ${name} ${verb} a ${colour} ${thing} in ${place}, and we talked about it for an hour.`,
      question: `What happened with the ${colour} ${thing} of ${name}?`,
    })
  }
  return made
}
