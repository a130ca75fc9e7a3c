import { testContract } from '../contracts/contract.ts'
import { CASES_BY_DIMENSIONS, recordsSubject } from '../fake-qdrant/subject.ts'

for (const { dimensions, cases } of CASES_BY_DIMENSIONS) {
  testContract(`the Qdrant store with ${dimensions} dimensions`, cases, recordsSubject(dimensions))
}
