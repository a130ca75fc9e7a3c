/** The example apps. `npm run examples` writes them to examples/dify. */
import { agent } from './apps/agent.ts'
import { cachedByHand } from './apps/cached-by-hand.ts'
import { experiment } from './apps/experiment.ts'
import { httpOnly } from './apps/http-only.ts'
import { knownOrSearch } from './apps/known-or-search.ts'
import { cachedDelta, cachedNode, perQuery } from './apps/one-node.ts'
import type { Example } from './parts.ts'

/** @param windowSize LLM › Memory › Window Size, and the parameter of the nodes that follow it */
export const examples = (windowSize = 10): Example[] => [
  perQuery(windowSize),
  cachedNode(windowSize),
  cachedByHand(windowSize),
  cachedDelta(windowSize),
  experiment(windowSize),
  knownOrSearch(windowSize),
  agent(),
  httpOnly(windowSize),
]
