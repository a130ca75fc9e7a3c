import { Plugin } from '../../../../plugin-sdk/index.ts'
import { FixtureProvider } from './provider.ts'
import { EchoTool, fail, produce, wait } from './tools.ts'

const plugin = await Plugin.load({
  root: new URL('.', import.meta.url),
  provider: FixtureProvider,
  tools: { echo: EchoTool, produce, fail, wait },
})
await plugin.run()
