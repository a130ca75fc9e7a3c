/**
 * For processes that get only the settings of a test: without it, each loads the compiler of TypeScript for its first module,
 * a third of the CPU time of a start.
 */
export const COMPILE_CACHE = { NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? '' }
