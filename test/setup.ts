import fc from 'fast-check'

// Property tests try new values in each run. A CI run sets FC_SEED, so that its result is reproducible; a failure
// prints its seed in any case.
const seed = process.env['FC_SEED']
if (seed) fc.configureGlobal({ seed: Number(seed) })
