import fc from 'fast-check'

// Properties are tried on other values at each run. A run that decides whether a change lands must not depend on
// luck, so it names its seed; a failure prints the seed of its own in any case.
const seed = process.env['FC_SEED']
if (seed) fc.configureGlobal({ seed: Number(seed) })
