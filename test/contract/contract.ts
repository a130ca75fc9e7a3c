import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

/** A promise of a port, checked on any adapter: rejects when the adapter breaks it. */
export interface Case<T> {
  name: string
  run: (subject: T) => Promise<void>
}

/** Opens a fresh subject for one case and closes it afterwards. */
export type Open<T> = () => Promise<{ subject: T; close: () => Promise<void> }>

/** Registers every case of a contract as a test of one adapter. */
export function testContract<T>(adapter: string, cases: readonly Case<T>[], open: Open<T>): void {
  describe(`${adapter} keeps the contract`, () => {
    for (const one of cases) it(one.name, () => tryCase(one, open))
  })
}

export async function tryCase<T>({ run }: Case<T>, open: Open<T>): Promise<void> {
  const { subject, close } = await open()
  try {
    await run(subject)
  } finally {
    await close()
  }
}

export function caseNamed<T>(cases: readonly Case<T>[], name: string): Case<T> {
  const [found, ...more] = cases.filter((one) => one.name === name)
  if (!found || more.length > 0) throw new Error(`expected one case named "${name}"`)
  return found
}

/** The names of the cases that an adapter fails. */
export async function failedCases<T>(cases: readonly Case<T>[], open: Open<T>): Promise<string[]> {
  const failed: string[] = []
  for (const one of cases) {
    try {
      await tryCase(one, open)
    } catch {
      failed.push(one.name)
    }
  }
  return failed
}

/** Faults of an adapter by the case that detects them: each breaks one promise of the port. */
export type Saboteurs<Sabotage> = Readonly<Record<string, Readonly<Record<string, Sabotage>>>>

/** Registers a test per fault, and one that the honest adapter passes every case. */
export function testSaboteurs<T, Sabotage>(
  port: string,
  cases: readonly Case<T>[],
  saboteurs: Saboteurs<Sabotage>,
  open: (sabotage: Sabotage | undefined, fault: string) => Open<T>,
): void {
  const faults = Object.entries(saboteurs).flatMap(([caughtBy, group]) =>
    Object.entries(group).map(([fault, sabotage]) => ({ fault, caughtBy, sabotage })),
  )
  describe(`the contract of ${port} detects an adapter that`, () => {
    // A known fault needs no smallest example.
    const settings = fc.readConfigureGlobal()
    beforeAll(() => fc.configureGlobal({ ...settings, endOnFailure: true }))
    afterAll(() => fc.configureGlobal(settings))

    it.for(faults)('$fault', async ({ fault, caughtBy, sabotage }) => {
      await expect(tryCase(caseNamed(cases, caughtBy), open(sabotage, fault))).rejects.toThrow()
    })

    it('has no fault, and accepts it', async () => {
      expect(await failedCases(cases, open(undefined, ''))).toEqual([])
    })
  })
}
