/*
 * npm run plugin
 *
 * Runs the plugin for remote debugging: Dify › Plugins › Debug shows the address and the key for .env.
 */
import { Plugin } from '@dify/plugin-sdk-ts'
import { HippocacheProvider } from './provider/hippocache.ts'
import { tools } from './tools/index.ts'

const plugin = await Plugin.load({ root: new URL('.', import.meta.url), provider: HippocacheProvider, tools })
await plugin.run()
