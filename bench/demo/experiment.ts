import { createHash } from 'node:crypto'
import { post } from './fill.ts'

const NAME = 'cached-or-not'
const TURNS = 5

/** Share of simulated users who like the answers of an arm. */
const LIKES: Readonly<Record<string, number>> = { per_query: 0.5, cached_delta: 0.88 }

const QUESTIONS = ['Where do I work?', 'What is my dog called?', 'What did I plan?', 'What can I not eat?']

/**
 * Runs an experiment of per_query against cached_delta over simulated conversations of the users that `fillSidecar` added.
 * The thumbs are drawn from `LIKES`: they show what a report looks like, not which strategy is better.
 * @param conversations number of simulated conversations
 * @param onConversation called after each conversation with the number of all
 */
export async function runExperiment(
  url: string,
  conversations: number,
  onConversation: (total: number) => void = () => {},
): Promise<string> {
  const arms = Object.keys(LIKES).map((strategy) => ({ name: strategy, strategy, window_size: 4 }))
  await post(url, '/v1/experiments', { name: NAME, arms, outcome: 'thumbs', shadow_share: 0.3 })
  for (let i = 0; i < conversations; i++) {
    const who = { user_id: i % 2 ? 'dee' : 'gene', conversation_id: `simulated-${i}` }
    let arm = ''
    for (let turn = 1; turn <= TURNS; turn++) {
      const query = QUESTIONS[(i + turn) % QUESTIONS.length]
      const answer = await post(url, '/v1/recall', { ...who, turn, query, experiment: NAME })
      arm = (answer as { experiment: { arm: string } | null }).experiment?.arm ?? ''
    }
    const value = chance(i) < (LIKES[arm] ?? 0)
    await post(url, '/v1/outcomes', { name: 'thumbs', value, ...who })
    onConversation(conversations)
  }
  await post(url, `/v1/experiments/${NAME}/stop`, {})
  return NAME
}

/** A number from 0 to 1 that is the same in each run. */
function chance(i: number): number {
  return createHash('sha256').update(`thumbs ${i}`).digest().readUInt32BE() / 2 ** 32
}
