/* The stand-in for a Qdrant server of the tests, in a process of its own; its address is all that it prints. */
import { startFakeQdrant } from '../../test/fake-qdrant/server.ts'

const server = await startFakeQdrant()
setInterval(() => server.requests.splice(0), 1000)
console.log(server.url)
