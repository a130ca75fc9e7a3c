/*
 * npm run bench -- locomo --data FILE [--strategies per_query,cached,cached_delta] [options]
 *
 * What is found on LoCoMo conversations: by the ranking, or by strategy in a chat and for which price.
 */
await (process.argv.some((argument) => /^--strategies(=|$)/.test(argument))
  ? import('./strategies.ts')
  : import('./quality.ts'))
