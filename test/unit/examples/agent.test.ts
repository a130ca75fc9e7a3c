import { expect, it } from 'vitest'
import { readAgentExample } from '../../helpers/examples/dsl.ts'
import { type AgentMessage, type OfferedFunction, runAgent } from '../../helpers/examples/run-agent.ts'
import { testApp } from '../../helpers/test-app.ts'
import { declaration, runTool } from '../../helpers/tools/run-tool.ts'

const app = readAgentExample('agent.yml')

type FillIn = (offered: OfferedFunction, text: string) => Record<string, unknown>

/** The text goes into the parameter for it; the others are what a model makes up. */
const MODELS: Record<string, FillIn> = {
  'sends what is required': (_, text) => ({ query: text, user: text, user_id: 'current' }),
  'sends null and empty texts for what it does not know': (offered, text) => ({
    ...Object.fromEntries(
      Object.keys(offered.parameters.properties).map((name, i) => [name, i % 2 ? null : '']),
    ),
    ...{ query: text, user: text, user_id: 'current' },
  }),
  'names another user, conversation and turn': (_, text) => ({
    ...{ query: text, user: text, user_id: 'bob', conversation_id: 'c-of-bob', turn: 1, agent_id: '' },
  }),
}

it.each(Object.entries(MODELS))(
  'an agent whose model %s remembers and recalls its user',
  async (_, fillIn) => {
    const sidecar = testApp()
    const sidecar_url = await sidecar.listen()
    // The first add and the first recall of a process may take longer than the nodes wait for on a slow machine.
    await sidecar.call('POST', '/v1/memories', { user_id: 'eve', user_message: 'My boat is called Halcyon.' })
    await sidecar.call('POST', '/v1/recall', { user_id: 'eve', query: 'What is my boat called?' })
    const answered: string[] = []

    /** Follows the prompt: statements are stored, questions are looked up, and the answer is what the tool said. */
    function model(messages: AgentMessage[], functions: OfferedFunction[]) {
      const { role, content } = messages.at(-1) as AgentMessage
      if (role === 'tool') return { answer: content }
      const name = content.endsWith('?') ? 'retrieve_memory' : 'add_memory'
      expect(messages[0]?.content).toContain(name)
      const offered = functions.find((one) => one.name === name) as OfferedFunction
      return { call: name, arguments: fillIn(offered, content) }
    }
    async function say(query: string, conversationId: string, userId = 'ada') {
      const { answer } = await runAgent(app, query, {
        ...{ plugin: declaration, model },
        async callTool(tool, parameters) {
          const credentials = { sidecar_url, identity: 'runtime' }
          const run = { userId, conversationId, messageId: `m-${answered.length}` }
          const { variables, json, text, error } = await runTool({ tool, parameters, credentials, ...run })
          // Dify hands every message of a tool to the model, so that there must be one only.
          expect({ variables, json, error }).toEqual({ variables: {}, json: [], error: undefined })
          return { text }
        },
      })
      answered.push(answer)
      return answer
    }

    await say('My sister Grace is a pilot.', 'c-1')
    await say('My dog is called Biscuit.', 'c-1')
    await say('My cat is called Miso.', 'c-2', 'bob')
    const answer = await say('What does my sister Grace do?', 'c-3')
    expect(answer.split('My sister Grace is a pilot.'), answered.join('\n---\n')).toHaveLength(2)
    expect(await say('What is my dog called?', 'c-3')).toContain('Biscuit')
    expect(await say('What is my cat called?', 'c-3')).not.toContain('Miso')
  },
)

it('the model of an agent is told of no parameter that it must name an id for, except the user', () => {
  for (const { tool_name } of app.model_config.agent_mode.tools) {
    const tool = declaration.provider.tools.find(({ identity }) => identity.name === tool_name)
    const required = tool?.parameters.filter((one) => one.required && one.form === 'llm')
    expect(required?.map(({ name }) => name).filter((name) => name.endsWith('_id'))).toEqual(['user_id'])
  }
})
