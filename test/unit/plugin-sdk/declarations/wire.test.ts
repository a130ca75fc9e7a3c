import { describe, expect, it } from 'vitest'
import { loadPlugin, toWire } from '../../../../plugin-sdk/declarations/index.ts'
import { writePlugin } from '../../../helpers/plugin-sdk/declarations/acme-plugin.ts'

describe('toWire', () => {
  it('contains one provider with inlined tools and a list of credentials', async () => {
    const { tools } = toWire(await loadPlugin(await writePlugin()))
    expect(tools).toHaveLength(1)
    expect(tools[0]).toMatchObject({
      identity: { author: 'acme', name: 'notes' },
      credentials_schema: [{ name: 'url' }, { name: 'key' }, { name: 'mode' }],
      tools: [
        { identity: { name: 'search' } },
        { identity: { name: 'add' }, parameters: [{ name: 'note' }] },
      ],
    })
  })

  it('fills missing locales with English', async () => {
    const { manifest, tools } = toWire(await loadPlugin(await writePlugin()))
    expect(manifest).toMatchObject({
      label: { en_US: 'Notes', zh_Hans: 'Notes', ja_JP: 'Notes', pt_BR: 'Notes' },
    })
    expect(tools[0]).toMatchObject({
      identity: { label: { en_US: 'Notes', zh_Hans: 'Notes', ja_JP: 'ノート' } },
    })
  })

  it('keeps schemas unchanged, also one with a property en_US', async () => {
    const property = '{type: object, example: {en_US: hello}}'
    const root = await writePlugin(['tools/search.yaml', '{type: integer, default: null}', property])
    const { tools } = toWire(await loadPlugin(root))
    const search = (tools[0] as { tools: { output_schema: { properties: object } }[] }).tools[0]
    expect(search?.output_schema.properties).toMatchObject({ count: { example: { en_US: 'hello' } } })
    expect(JSON.stringify(search?.output_schema)).not.toContain('ja_JP')
  })

  it('is unchanged by JSON', async () => {
    const wire = toWire(await loadPlugin(await writePlugin()))
    expect(JSON.parse(JSON.stringify(wire))).toEqual(wire)
    expect(wire.manifest).toMatchObject({
      created_at: '2025-01-01T00:00:00Z',
      resource: { memory: 268435456 },
    })
  })

  it('does not change the declaration', async () => {
    const declaration = await loadPlugin(await writePlugin())
    const before = structuredClone(declaration.manifest)
    toWire(declaration)
    expect(declaration.manifest).toEqual(before)
  })
})
