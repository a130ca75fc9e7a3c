// Reads vitest's JSON report, names every skipped test, and fails when one was skipped that need not be.
// Ends with the line `N passed, N failed, N skipped`.
import { readFileSync } from 'node:fs'

/** What may be skipped: there is no Qdrant server to be had from a package registry. */
const MAY_SKIP = /qdrant/i

const report = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const tests = report.testResults.flatMap((file) =>
  file.assertionResults.map(({ fullName, status }) => ({ name: `${file.name}: ${fullName}`, status })),
)
const withStatus = (...statuses) => tests.filter(({ status }) => statuses.includes(status))
const failed = withStatus('failed')
const skipped = withStatus('skipped', 'pending', 'todo', 'disabled')
// A file that cannot be loaded fails without a test of its own.
const brokenFiles = report.testResults.filter(
  ({ status, assertionResults }) =>
    status === 'failed' && !assertionResults.some((one) => one.status === 'failed'),
)

for (const { name } of skipped) console.log(`skipped: ${name}`)
for (const { name, message } of brokenFiles) console.log(`could not be run: ${name}\n${message}`)
const forbidden = skipped.filter(({ name }) => !MAY_SKIP.test(name))
if (forbidden.length > 0) console.log(`${forbidden.length} skipped that may not be`)

const failures = failed.length + brokenFiles.length
console.log(`${withStatus('passed').length} passed, ${failures} failed, ${skipped.length} skipped`)
process.exitCode = failures + forbidden.length > 0 ? 1 : 0
