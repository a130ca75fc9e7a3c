/*
 * Plays conversations through the plugin as Dify would, and asks what was remembered:
 *
 *   npm run demo
 *   npm run demo -- --data locomo10.json --conversation conv-26
 *
 * The sidecar and the plugin are processes of their own; every turn and every question goes through the tools, over
 * the daemon's stdio protocol.
 */
import { parseArgs } from 'node:util'
import { readConversations, type Turn, textOf, turnsOf } from './demo/dialogue.ts'
import { startPlugin } from './lib/plugin-process.ts'
import { progress } from './lib/progress.ts'
import { startSidecar } from './lib/sidecar-process.ts'
import { mean, percentile } from './lib/statistics.ts'
import { table } from './lib/table.ts'
import { CATEGORIES, type Conversation } from './locomo/dataset.ts'
import { evidenceRecall } from './locomo/metric.ts'

const DEPTHS = [5, 10, 20] as const
const MAX_DEPTH = 20

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    conversation: { type: 'string' },
    captions: { type: 'boolean', default: false },
  },
})

interface Answered {
  category: number
  recall: Record<number, number>
}

const conversations = readConversations(values.data, values.conversation)
await using sidecar = await startSidecar()
await using plugin = await startPlugin({ sidecar_url: sidecar.url, api_key: '' })
const latencies = new Map<string, number[]>()

async function call(tool: string, parameters: Record<string, unknown>) {
  const { variables, tookMs } = await plugin.invoke(tool, parameters)
  if (variables['status'] === 'error') throw new Error(`${tool}: ${variables['error']}`)
  latencies.set(tool, [...(latencies.get(tool) ?? []), tookMs])
  return variables
}

const answered: Answered[] = []
for (const conversation of conversations) answered.push(...(await play(conversation)))
report(answered)

async function play(conversation: Conversation): Promise<Answered[]> {
  const turns = turnsOf(conversation)
  const bar = progress(`${conversation.id} turns    `, turns.length)
  for (const turn of turns) {
    await call('add_memory', toParameters(conversation.id, turn))
    bar.tick()
  }
  const messageAt = new Map<string, string>()
  for (const { conversationId, turn, user, assistant } of turns) {
    messageAt.set(`${conversationId} ${turn} user`, user.id)
    if (assistant) messageAt.set(`${conversationId} ${turn} assistant`, assistant.id)
  }
  // Category 5 asks for what was never said: there is no evidence to find.
  const questions = conversation.questions.filter(({ category }) => category !== 5)
  const asked = progress(`${conversation.id} questions`, questions.length)
  const results: Answered[] = []
  for (const question of questions) {
    const { memories } = await call('retrieve_memory', {
      query: question.question,
      user_id: conversation.id,
      strategy: 'per_query',
      top_k: MAX_DEPTH,
      token_budget: 20_000,
    })
    const found = (memories as { conversation_id: string; turn: number; role: string }[]).map(
      (memory) => messageAt.get(`${memory.conversation_id} ${memory.turn} ${memory.role}`) as string,
    )
    const recall = Object.fromEntries(DEPTHS.map((k) => [k, evidenceRecall(question, found.slice(0, k))]))
    results.push({ category: question.category, recall })
    asked.tick()
  }
  return results
}

function toParameters(
  userId: string,
  { conversationId, turn, user, assistant }: Turn,
): Record<string, unknown> {
  return {
    user: textOf(user, values.captions),
    user_name: user.speaker,
    assistant: assistant ? textOf(assistant, values.captions) : '',
    assistant_name: assistant?.speaker ?? '',
    user_id: userId,
    conversation_id: conversationId,
    turn,
    at: new Date(user.at).toISOString(),
  }
}

function report(all: readonly Answered[]): void {
  const row = (name: string, some: readonly Answered[]) => [
    name,
    String(some.length),
    ...DEPTHS.map((k) => mean(some.map(({ recall }) => recall[k] as number)).toFixed(3)),
  ]
  const byCategory = Map.groupBy(all, ({ category }) => category)
  console.log(`\nEvidence recall${values.captions ? ', image captions included' : ''}\n`)
  console.log(
    table([
      ['category', 'n', ...DEPTHS.map((k) => `@${k}`)],
      ...[...byCategory]
        .sort(([a], [b]) => a - b)
        .map(([number, some]) => row(`${number} ${CATEGORIES[number]}`, some)),
      row('all', all),
    ]),
  )
  console.log('\nCalls over the stdio protocol, milliseconds\n')
  console.log(
    table([
      ['tool', 'calls', 'p50', 'p95'],
      ...[...latencies].map(([tool, took]) => [
        tool,
        String(took.length),
        percentile(took, 0.5).toFixed(2),
        percentile(took, 0.95).toFixed(2),
      ]),
    ]),
  )
}
