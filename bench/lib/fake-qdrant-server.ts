/* Runs the fake Qdrant server of the tests in its own process and prints its URL. */
import { startFakeQdrant } from '../../test/helpers/fake-qdrant/server.ts'

const server = await startFakeQdrant()
// The fake records every request; nothing reads the records here.
setInterval(() => {
  server.requests.length = 0
  server.answeredBytes.length = 0
}, 1000)
console.log(server.url)
