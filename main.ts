import { Plugin } from '@dify/plugin-sdk-ts'
import { HippocacheProvider } from './provider/hippocache.ts'
import { tools } from './tools/index.ts'

const plugin = await Plugin.load({ root: new URL('.', import.meta.url), provider: HippocacheProvider, tools })
await plugin.run()
