import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { copyOf, file, fixture, list, run, sidecarFor } from '../../../helpers/cli/transfer/helpers.ts'

const texts = (memories: { memory: string }[]) => memories.map(({ memory }) => memory)

/** The fields that a repeated import leaves unchanged. */
const stable = (memories: object[]) => memories.map((memory) => ({ ...memory, updated_at: '' }))

describe('npm run import', () => {
  it.each<[file: string, args: string[], code: number, report: string, memories: string[]]>([
    [
      'messages.jsonl',
      [],
      2,
      'as messages: 4 turns stored; 2 entries skipped.',
      [
        'I live in Leeds and work there as a nurse.',
        'Noted, Leeds it is.',
        'I have a cat called Biscuit.',
        'I moved to Porto.',
      ],
    ],
    [
      'openai.json',
      ['--user', 'ada'],
      0,
      'as messages: 2 turns stored; 2 left out.',
      ['I am allergic to peanuts.', 'I will keep peanuts out of it.', 'I play the cello on Fridays.'],
    ],
    [
      'dify-pages.json',
      ['--user', 'ada'],
      0,
      'as dify: 3 turns stored; 1 left out.',
      [
        'I live in Leeds.',
        'Leeds is noted.',
        'I have a cat called Biscuit.',
        'I started as a potter today.',
        'Congratulations on the pottery.',
      ],
    ],
    [
      'dify-annotations.csv',
      ['--user', 'ada'],
      0,
      'as dify: 2 turns stored.',
      [
        'Hold the button for\nten seconds, then say "reset".',
        'The shop is open from nine to five, Monday to Friday.',
      ],
    ],
    [
      'mem0.json',
      [],
      2,
      'as mem0: 3 imported; 1 entry skipped.',
      ['Ada lives in Leeds.', 'Ada is allergic to peanuts.', 'Ada rows on the Aire.'],
    ],
    [
      'handbook.md',
      ['--user', 'ada'],
      0,
      'as document: 3 imported.',
      [
        'Handbook\n\nWelcome to the workshop. The kiln is in the back room.',
        'Kiln\n\nNever open the kiln above 100 degrees. The red lamp means that it is hot.\n\nThe key hangs behind the door.',
        'Glaze\n\nGlaze is mixed on Mondays.',
      ],
    ],
  ])(
    'stores the entries of %s once although it runs three times',
    async (file, args, code, report, expected) => {
      const { url } = await sidecarFor()
      const path = copyOf(file)
      const first = await run('import', ['--from', path, '--url', url, ...args])
      expect(first.err + first.out).toContain(report)
      expect(first.code).toBe(code)
      const once = await list(url, 'ada')
      expect(texts(once).sort()).toEqual(expected.sort())
      for (let again = 0; again < 2; again++) {
        const repeated = await run('import', ['--from', path, '--url', url, ...args])
        expect(repeated.code).toBe(code)
        expect(repeated.out).toMatch(/: \d+ already present[;.]/)
      }
      expect(stable(await list(url, 'ada'))).toEqual(stable(once))
      expect(existsSync(`${path}.import-state.json`)).toBe(false)
    },
  )

  it('fills entities and relations from a document in two languages, and knows no "I" of a document', async () => {
    const { url } = await sidecarFor()
    const path = file(
      'team.md',
      [
        '# Team',
        'Ana Silva lives in Osaka. Ana Silva works at Globex. I live in Berlin.',
        'For questions write to Ana Silva (ana@example.com) in the Osaka office.',
        '# チーム',
        '田中さんは札幌に住んでいます。田中さんは任天堂で働いています。',
        '連絡先は tanaka@example.com です。',
      ].join('\n\n'),
    )
    const { code, err } = await run('import', ['--from', path, '--user', 'ada', '--url', url])
    expect([code, err]).toEqual([0, expect.any(String)])
    // biome-ignore lint/suspicious/noExplicitAny: response body, which the test examines
    const get = async (query: string): Promise<any> => await (await fetch(`${url}/v1/${query}`)).json()
    const { nodes, edges } = await get('graph?user_id=ada')
    const names = new Map(nodes.map(({ id, name }: Record<string, string>) => [id, name]))
    const relations = edges.map((edge: Record<string, string>) =>
      [names.get(edge['subject']), edge['label'], names.get(edge['object'])].join(' '),
    )
    expect(relations.toSorted()).toEqual(
      [
        'Ana Silva lives_in Osaka',
        'Ana Silva works_at Globex',
        '田中 lives_in 札幌',
        '田中 works_at 任天堂',
      ].toSorted(),
    )
    const { entities } = await get('entities?user_id=ada')
    expect(entities.map(({ name }: { name: string }) => name)).toEqual(
      expect.arrayContaining(['ana@example.com', 'tanaka@example.com', 'Osaka', '札幌']),
    )
  })

  it('keeps dates and turns and applies --app and --agent', async () => {
    const { url } = await sidecarFor()
    await run('import', [
      '--from',
      copyOf('dify-pages.json'),
      '--user',
      'ada',
      '--url',
      url,
      '--app',
      'shop',
      '--agent',
      'guide',
    ])
    const memories = await list(url, 'ada', '&app_id=shop&agent_id=guide')
    expect(memories.map(({ turn, at }) => [turn, at])).toEqual([
      [1, '2026-01-05T10:00:00.000Z'],
      [1, '2026-01-05T10:00:00.000Z'],
      [2, '2026-01-05T10:01:00.000Z'],
      [3, '2026-03-02T10:03:00.000Z'],
      [3, '2026-03-02T10:03:00.000Z'],
    ])
    expect(memories.every(({ conversation_id }) => conversation_id === 'd1')).toBe(true)
  })

  it('reports the entries without a sidecar with --dry-run', async () => {
    const path = copyOf('messages.jsonl')
    const { code, out, err } = await run('import', [
      '--from',
      path,
      '--dry-run',
      '--url',
      'http://127.0.0.1:1',
    ])
    expect({ code, out }).toEqual({
      code: 2,
      out: `Dry run: ${path} as messages: 4 turns; 2 entries skipped.\n`,
    })
    expect(err).toContain('line 6: role: expected user, assistant or system, got "narrator"')
  })

  it('requires --user for entries without a user and does not merge two users', async () => {
    const { url } = await sidecarFor()
    const withoutUser = await run('import', ['--from', copyOf('openai.json'), '--url', url])
    expect(withoutUser).toMatchObject({
      code: 2,
      err: expect.stringContaining('line 2: the entry names no user; pass --user'),
    })
    const two = await run('import', ['--from', copyOf('messages.jsonl'), '--url', url, '--user', 'eve'])
    expect(two.err).toContain(
      'belongs to user "bob", but --user already replaces "ada"; import without --user',
    )
    expect(await list(url, 'eve')).toHaveLength(4)
    for (const user of ['ada', 'bob']) expect(await list(url, user)).toEqual([])
  })

  it.each<[string, string[], string]>([
    ['no file', [], '--from: expected the path of a file to import'],
    ['a missing file', ['--from', '/nowhere/at/all'], '--from: cannot read "/nowhere/at/all" (ENOENT)'],
    [
      'an unknown format',
      ['--from', 'x', '--format', 'word'],
      '--format: expected one of auto, messages, dify',
    ],
    ['an unknown option', ['--form', 'x'], "Unknown option '--form'"],
    [
      'no sidecar at the address',
      ['--from', fixture('mem0.json'), '--url', 'http://127.0.0.1:1'],
      'No sidecar answers at http://127.0.0.1:1',
    ],
  ])('exits with 1 and the reason for %s', async (_, args, reason) => {
    const { code, err } = await run('import', args)
    expect(err).toContain(reason)
    expect(err).not.toContain('    at ')
    expect(code).toBe(1)
  })

  it('rejects a wrong key and uses the key of the settings', async () => {
    const key = '0123456789abcdef'
    const { url } = await sidecarFor({ API_KEYS: `dify:${key}` })
    const args = ['--from', copyOf('handbook.md'), '--user', 'ada', '--url', url]
    for (const wrong of [[], ['--key', 'fedcba9876543210']]) {
      const { code, err } = await run('import', [...args, ...wrong])
      expect({ code, err }).toEqual({
        code: 1,
        err: expect.stringMatching(
          /rejects (requests without a key|the key): .* Pass the right key with --key\./,
        ),
      })
    }
    expect((await run('import', [...args, '--key', key])).code).toBe(0)
    expect((await run('import', args, { API_KEYS: `dify:${key}` })).code).toBe(0)
  })
})
