import type { Fault } from './fault-proxy.ts'

export type Slot = { backend: string; fault: Exclude<Fault, 'none'> | 'killed' }

/** Of each part of the run that a fault lasts; afterwards everything works. */
export const FAULTY_SHARE = 0.6

/**
 * Each fault of each backend once, in an order that the seed decides. The sidecar is killed first, so that the memory of one
 * process is measured over the rest of the run.
 */
export function scheduleOf(backends: readonly string[], random: () => number): Slot[] {
  const slots = backends.flatMap((backend) =>
    (['slow', 'down', 'half'] as const).map((fault): Slot => ({ backend, fault })),
  )
  const shuffled = slots.map((slot) => ({ slot, at: random() })).sort((a, b) => a.at - b.at)
  return [{ backend: 'sidecar', fault: 'killed' }, ...shuffled.map(({ slot }) => slot)]
}
