/*
 * npm run check-app -- APP.yml ...
 *
 * Checks the memory nodes of apps exported from Dify: window sizes that differ, turns and users that are not bound,
 * outputs that do not exist, Add Memory missing, strategies that cannot work. Prints one line per finding.
 *
 * Exit code: 0 without findings, 1 with findings, 2 for a file that is no app.
 */
import { checkFiles } from './files.ts'

process.exitCode = await checkFiles(process.argv.slice(2), console)
