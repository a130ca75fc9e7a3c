/*
 * npm run demo [-- --data locomo10.json] [--conversation conv-26] [--captions] [--stay] [--simulated 240]
 *
 * Replays conversations through the plugin as Dify does, asks questions about them and prints the evidence recall.
 * Sidecar and plugin are separate processes; every turn and every question is a tool call over the daemon's stdio
 * protocol. In a terminal, or with --stay, it then fills the sidecar with longer conversations and an experiment, and keeps
 * it running for a look at its dashboard.
 */

import { readConversations, type Turn, textOf, turnsOf } from './demo/dialogue.ts'
import { runExperiment } from './demo/experiment.ts'
import { fillSidecar } from './demo/fill.ts'
import { readOptions } from './lib/options.ts'
import { startPlugin } from './lib/plugin-process.ts'
import { progress } from './lib/progress.ts'
import { startSidecar } from './lib/sidecar-process.ts'
import { mean, percentile } from './lib/statistics.ts'
import { table } from './lib/table.ts'
import { CATEGORIES, type Conversation } from './locomo/dataset.ts'
import { evidenceRecall } from './locomo/metric.ts'

const DEPTHS = [5, 10, 20] as const
const MAX_DEPTH = 20

const options = readOptions({
  data: '',
  conversation: '',
  captions: false,
  stay: process.stdout.isTTY === true,
  // Conversations of the experiment.
  simulated: 240,
})

interface Result {
  category: number
  /** Evidence recall by depth. */
  recall: Record<number, number>
}

const conversations = readConversations(options.data || undefined, options.conversation || undefined)
await using sidecar = await startSidecar()
await using plugin = await startPlugin({ sidecar_url: sidecar.url, api_key: '' })
const latencies = new Map<string, number[]>()

async function call(tool: string, parameters: Record<string, unknown>) {
  const { variables, tookMs } = await plugin.invoke(tool, parameters)
  if (variables['status'] === 'error') throw new Error(`${tool}: ${variables['error']}`)
  latencies.set(tool, [...(latencies.get(tool) ?? []), tookMs])
  return variables
}

const results: Result[] = []
for (const conversation of conversations) results.push(...(await replay(conversation)))
report(results)
if (options.stay) await stay()

async function replay(conversation: Conversation): Promise<Result[]> {
  const turns = turnsOf(conversation)
  const turnsBar = progress(`${conversation.id} turns    `, turns.length)
  for (const turn of turns) {
    await call('add_memory', toParameters(conversation.id, turn))
    turnsBar.tick()
  }
  const messageIds = new Map<string, string>()
  for (const { conversationId, turn, user, assistant } of turns) {
    messageIds.set(`${conversationId} ${turn} user`, user.id)
    if (assistant) messageIds.set(`${conversationId} ${turn} assistant`, assistant.id)
  }
  // Category 5 asks about things that were never said: there is no evidence to find.
  const questions = conversation.questions.filter(({ category }) => category !== 5)
  const questionsBar = progress(`${conversation.id} questions`, questions.length)
  const results: Result[] = []
  for (const question of questions) {
    const { memories } = await call('retrieve_memory', {
      query: question.question,
      user_id: conversation.id,
      strategy: 'per_query',
      top_k: MAX_DEPTH,
      token_budget: 20_000,
    })
    const found = (memories as { conversation_id: string; turn: number; role: string }[]).map(
      (memory) => messageIds.get(`${memory.conversation_id} ${memory.turn} ${memory.role}`) as string,
    )
    const recall = Object.fromEntries(DEPTHS.map((k) => [k, evidenceRecall(question, found.slice(0, k))]))
    results.push({ category: question.category, recall })
    questionsBar.tick()
  }
  return results
}

function toParameters(
  userId: string,
  { conversationId, turn, user, assistant }: Turn,
): Record<string, unknown> {
  return {
    user: textOf(user, options.captions),
    user_name: user.speaker,
    assistant: assistant ? textOf(assistant, options.captions) : '',
    assistant_name: assistant?.speaker ?? '',
    user_id: userId,
    conversation_id: conversationId,
    turn,
    at: new Date(user.at).toISOString(),
  }
}

function report(results: readonly Result[]): void {
  const row = (name: string, some: readonly Result[]) => [
    name,
    String(some.length),
    ...DEPTHS.map((k) => mean(some.map(({ recall }) => recall[k] as number)).toFixed(3)),
  ]
  const byCategory = Map.groupBy(results, ({ category }) => category)
  console.log(`\nEvidence recall by depth${options.captions ? ', with image captions' : ''}\n`)
  console.log(
    table([
      ['category', 'questions', ...DEPTHS.map((k) => `@${k}`)],
      ...[...byCategory]
        .sort(([a], [b]) => a - b)
        .map(([number, some]) => row(`${number} ${CATEGORIES[number]}`, some)),
      row('all', results),
    ]),
  )
  console.log('\nLatency of the tool calls over the stdio protocol\n')
  console.log(
    table([
      ['tool', 'calls', 'p50 ms', 'p95 ms'],
      ...[...latencies].map(([tool, took]) => [
        tool,
        String(took.length),
        percentile(took, 0.5).toFixed(2),
        percentile(took, 0.95).toFixed(2),
      ]),
    ]),
  )
}

/** Fills the dashboard and waits for Ctrl-C. */
async function stay(): Promise<void> {
  console.log('')
  let bar: ReturnType<typeof progress> | undefined
  const tick = (name: string) => (total: number) => {
    bar ??= progress(name, total)
    bar.tick()
  }
  await fillSidecar(sidecar.url, tick('conversations for the dashboard'))
  bar = undefined
  await runExperiment(sidecar.url, options.simulated, tick('simulated experiment'))
  console.log(`\nDashboard: ${sidecar.url}/ (Ctrl-C stops it and deletes its data)`)
  await new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, resolve)
  })
}
