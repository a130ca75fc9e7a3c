import { describe, expect, it, onTestFinished } from 'vitest'
import { createInProcessScopeLock } from '../../../../sidecar/adapters/in-process/lock.ts'
import { RuleBook } from '../../../../sidecar/memory/rules/rule-book.ts'
import { type AppRules, appRules, DEFAULT_RULES } from '../../../../sidecar/memory/rules/rules.ts'
import { type RecordStore, scrollAll } from '../../../../sidecar/ports/records.ts'
import { stoppedClock } from '../../../helpers/clock.ts'
import { openMemoryRecords } from '../../../helpers/sqlite.ts'

const rules = (custom_instructions: string): AppRules => appRules.parse({ custom_instructions })

function open(wrap: (records: RecordStore) => RecordStore = (records) => records) {
  const clock = stoppedClock()
  const records = openMemoryRecords()
  onTestFinished(() => records.close())
  return {
    clock,
    records,
    book: new RuleBook({ records: wrap(records), lock: createInProcessScopeLock(), now: clock.now }),
  }
}

describe('the rule book', () => {
  it('returns the defaults at first', async () => {
    const { book } = open()
    for (const appId of [null, 'app']) {
      expect(await book.inForce('default', appId)).toEqual({
        appId,
        version: 0,
        from: { source: 'default', version: 0 },
        rules: DEFAULT_RULES,
        updatedAt: null,
      })
    }
  })

  it('prefers rules of the app, then of the namespace, then the defaults', async () => {
    const { book, clock } = open()
    await book.put('default', null, rules('of all'))
    clock.advance(1000)
    await book.put('default', 'app', rules('of the app'))
    await book.put('default', 'app', rules('of the app, again'))
    expect(await book.inForce('default', 'app')).toEqual({
      appId: 'app',
      version: 2,
      from: { source: 'app', version: 2 },
      rules: rules('of the app, again'),
      updatedAt: clock.now(),
    })
    expect(await book.inForce('default', 'other')).toEqual({
      appId: 'other',
      version: 0,
      from: { source: 'namespace', version: 1 },
      rules: rules('of all'),
      updatedAt: clock.now() - 1000,
    })
    expect((await book.inForce('default', null)).from).toEqual({ source: 'namespace', version: 1 })
    expect((await book.inForce('elsewhere', 'app')).from).toEqual({ source: 'default', version: 0 })
  })

  it('falls back to the namespace after rules are removed, and continues the version numbers', async () => {
    const { book } = open()
    await book.put('default', null, rules('of all'))
    await book.put('default', 'app', rules('of the app'))
    expect(await book.put('default', 'app', null)).toMatchObject({
      version: 2,
      from: { source: 'namespace', version: 1 },
      rules: rules('of all'),
    })
    await book.put('default', null, null)
    expect(await book.inForce('default', 'app')).toMatchObject({ version: 2, from: { source: 'default' } })
    expect(await book.put('default', 'app', rules('anew'), 2)).toMatchObject({ version: 3 })
    expect((await book.versions('default', 'app', { limit: 9 })).map(({ rules }) => rules)).toEqual([
      rules('anew'),
      null,
      rules('of the app'),
    ])
  })

  it('creates no version without a change', async () => {
    const { book, clock } = open()
    expect((await book.put('default', 'app', null)).version).toBe(0)
    const first = await book.put('default', 'app', rules('x'))
    clock.advance(1)
    expect(await book.put('default', 'app', rules('x'))).toEqual(first)
    expect((await book.put('default', 'app', DEFAULT_RULES)).version).toBe(2)
  })

  it('rejects a change with another expected version', async () => {
    const { book } = open()
    await book.put('default', 'app', rules('1'), 0)
    await book.put('default', 'app', rules('2'), 1)
    for (const seen of [0, 1, 3]) {
      await expect(book.put('default', 'app', rules('x'), seen)).rejects.toMatchObject({
        code: 'conflict',
        message: `if_version: expected 2, the newest version, got ${seen}`,
      })
    }
    // Even without a change.
    await expect(book.put('default', 'app', rules('2'), 1)).rejects.toMatchObject({ code: 'conflict' })
    // Namespace and app have separate versions.
    await book.put('default', null, rules('n'), 0)
    expect((await book.inForce('default', 'app')).rules).toEqual(rules('2'))
  })

  it('lets one of many concurrent changes with the same expected version succeed', async () => {
    const { book } = open()
    const tries = Array.from({ length: 20 }, (_, i) => book.put('default', 'app', rules(`by ${i}`), 0))
    const settled = await Promise.allSettled(tries)
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect((await book.inForce('default', 'app')).version).toBe(1)
  })

  it('returns its own rules to each of many concurrent changes', async () => {
    const { book } = open()
    const set = await Promise.all(
      Array.from({ length: 20 }, (_, i) => book.put('default', 'app', rules(`by ${i}`))),
    )
    expect(set.map(({ version }) => version)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
    expect(set.map(({ rules }) => rules.custom_instructions)).toEqual(set.map((_, i) => `by ${i}`))
  })

  it('lists every version newest first, in pages', async () => {
    const { book, clock } = open()
    for (let i = 1; i <= 7; i++) {
      clock.advance(1000)
      await book.put('default', null, rules(`v${i}`))
    }
    await book.put('default', 'app', rules('of the app'))
    const pages = []
    for (let before: number | undefined; before !== 1; ) {
      const page = await book.versions('default', null, { limit: 3, before })
      pages.push(page.map(({ version, rules }) => `${version} ${rules?.custom_instructions}`))
      before = page.at(-1)?.version
    }
    expect(pages).toEqual([['7 v7', '6 v6', '5 v5'], ['4 v4', '3 v3', '2 v2'], ['1 v1']])
    expect(await book.versions('default', null, { limit: 3, before: 1 })).toEqual([])
    expect(await book.versions('default', null, { limit: 1, before: 1e9 })).toMatchObject([{ version: 7 }])
    expect(await book.versions('default', 'nobody', { limit: 3 })).toEqual([])
    expect(await book.version('default', null, 2)).toEqual({
      version: 2,
      rules: rules('v2'),
      updatedAt: clock.now() - 5000,
    })
  })

  it('throws not_found for an unknown version', async () => {
    const { book } = open()
    await expect(book.version('default', 'app', 1)).rejects.toMatchObject({
      code: 'not_found',
      message: 'version: no version 1 of the rules of app "app"',
    })
    await expect(book.version('default', null, 2)).rejects.toMatchObject({
      message: 'version: no version 2 of the rules of the namespace',
    })
  })

  it('distinguishes apps and namespaces with any names', async () => {
    const { book } = open()
    const places: [string, string | null][] = [
      ['a', null],
      ['a', 'current'],
      ['a', '1'],
      ['a', 'rules'],
      ['a', '["a"]'],
      ['a', 'b/c'],
      ['a/b', 'c'],
      ['a', 'A'],
      ['a', 'é'],
      ['a', 'e\u0301'],
    ]
    for (const [i, [namespace, app]] of places.entries()) await book.put(namespace, app, rules(String(i)), 0)
    for (const [i, [namespace, app]] of places.entries()) {
      const { rules, version } = await book.inForce(namespace, app)
      expect([rules.custom_instructions, version]).toEqual([String(i), 1])
    }
  })

  it('changes nothing if the store fails', async () => {
    let fail = false
    const { book } = open((records) => ({
      ...records,
      commit: (writes) => (fail ? Promise.reject(new Error('disk full')) : records.commit(writes)),
    }))
    await book.put('default', null, rules('kept'))
    fail = true
    await expect(book.put('default', null, rules('lost'))).rejects.toThrow('disk full')
    fail = false
    expect(await book.inForce('default', null)).toMatchObject({ version: 1, rules: rules('kept') })
    expect(await book.put('default', null, rules('next'))).toMatchObject({ version: 2 })
  })

  it('reads rules of an earlier release, even if they would be rejected now', async () => {
    const { book, records } = open()
    await book.put('default', null, rules('old'))
    const [record] = await Array.fromAsync(scrollAll(records, 'rules', 'default/'))
    const contradiction = { include_topics: ['health'], exclude_topics: ['health'] }
    await records.commit(
      (await Array.fromAsync(scrollAll(records, 'rules', 'default/'))).map((one) => ({
        put: { ...one, payload: { ...record?.payload, rules: contradiction } },
        collection: 'rules',
        scope: 'default/',
      })),
    )
    const later = new RuleBook({ records, lock: createInProcessScopeLock() })
    expect((await later.inForce('default', 'app')).rules).toEqual({ ...DEFAULT_RULES, ...contradiction })
  })

  it('reports a stored version with an invalid payload by collection and id', async () => {
    const { book, records } = open()
    await book.put('default', null, rules('old'))
    const stored = await Array.fromAsync(scrollAll(records, 'rules', 'default/'))
    for (const one of stored) {
      const put = { ...one, payload: { ...one.payload, rules: { retention_days: 7 } } }
      await records.commit([{ put, collection: 'rules', scope: 'default/' }])
    }
    const later = new RuleBook({ records, lock: createInProcessScopeLock() })
    await expect(later.inForce('default', null)).rejects.toMatchObject({
      code: 'internal',
      message: expect.stringMatching(/^Record \S+ in collection rules is invalid: rules\.retention_days: /),
    })
  })

  it('sees changes of another process immediately', async () => {
    const { records } = open()
    const lock = createInProcessScopeLock()
    const [one, other] = [1, 2].map(() => new RuleBook({ records, lock })) as [RuleBook, RuleBook]
    expect((await one.inForce('default', 'app')).version).toBe(0)
    await other.put('default', 'app', rules('theirs'))
    expect(await one.inForce('default', 'app')).toMatchObject({ version: 1, rules: rules('theirs') })
  })

  it('does not cache rules that were replaced while they were read', async () => {
    const started = Promise.withResolvers<void>()
    const replaced = Promise.withResolvers<void>()
    let isSlow = true
    const { records } = open()
    const get: RecordStore['get'] = async (...args) => {
      const found = await records.get(...args)
      if (isSlow) {
        isSlow = false
        started.resolve()
        await replaced.promise
      }
      return found
    }
    const book = new RuleBook({
      records: { ...records, get },
      lock: createInProcessScopeLock(),
      cacheMs: 60_000,
    })
    const read = book.inForce('default', null)
    await started.promise
    await book.put('default', null, rules('new'))
    replaced.resolve()
    await read
    expect((await book.inForce('default', null)).rules).toEqual(rules('new'))
  })
})
