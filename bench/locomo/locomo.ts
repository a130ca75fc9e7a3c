/*
 * npm run bench -- locomo --data FILE [--strategies per_query,cached,cached_delta] [options]
 *
 * Evidence recall on LoCoMo conversations: of the ranking, or, with --strategies, of whole chats with their token cost.
 */
await (process.argv.some((argument) => /^--strategies(=|$)/.test(argument))
  ? import('./strategies.ts')
  : import('./quality.ts'))
