import { type MessagePort, parentPort, receiveMessageOnPort } from 'node:worker_threads'
import type { Request } from './messages.ts'
import { answerRequests } from './requests.ts'

/*
 * Owns every SQLite connection of the process. Requests that arrive while a commit waits for the disk are processed
 * together afterwards, in one transaction per file (group commit).
 */

const port = parentPort as MessagePort

port.on('message', (first: Request) => {
  for (const answers of answerRequests([first, ...queued()])) port.postMessage(answers)
})

function queued(): Request[] {
  const requests: Request[] = []
  for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port)) {
    requests.push(next.message as Request)
  }
  return requests
}
