// Reads vitest's JSON report, lists failed files and skipped tests, and fails if a test was skipped that must run.
// The last line is `N passed, N failed`.
import { readFileSync } from 'node:fs'

/**
 * Tests that may be skipped: they need a Qdrant server or a real model, which neither npm nor apt provides, or
 * a large Python package: of mem0, or of the workflow engine of Dify.
 */
const MAY_SKIP = /qdrant|real model|MEM0_PYTHON|GRAPHON_PYTHON/i

const report = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const tests = report.testResults.flatMap((file) =>
  file.assertionResults.map(({ fullName, status }) => ({ name: `${file.name}: ${fullName}`, status })),
)
const passed = tests.filter(({ status }) => status === 'passed')
const failed = tests.filter(({ status }) => status === 'failed')
const skipped = tests.filter(({ status }) => status !== 'passed' && status !== 'failed')
// A file that cannot be loaded fails without a failed test.
const brokenFiles = report.testResults.filter(
  ({ status, assertionResults }) =>
    status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
)
const wronglySkipped = skipped.filter(({ name }) => !MAY_SKIP.test(name))

for (const { name } of skipped) console.log(`skipped: ${name}`)
for (const { name, message } of brokenFiles) console.log(`could not run: ${name}\n${message}`)
for (const { name } of wronglySkipped) console.log(`failed: must not be skipped: ${name}`)

const failures = failed.length + brokenFiles.length + wronglySkipped.length
console.log(`${passed.length} passed, ${failures} failed`)
process.exitCode = failures > 0 ? 1 : 0
