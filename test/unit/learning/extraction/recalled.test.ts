import { describe, expect, it } from 'vitest'
import type { Memory } from '../../../../sidecar/memory/model/memory.ts'
import { render } from '../../../../sidecar/retrieval/render.ts'
import { removeRecalled } from '../../../../sidecar/text/recalled.ts'

function block(...texts: string[]): string {
  const memories = texts.map(
    (text) => ({ text, speaker: 'Ana', sources: [{ at: 0 }], created_at: 0 }) as unknown as Memory,
  )
  return render(memories, 10_000, (text) => text.length / 4).text
}

describe('removeRecalled', () => {
  it('removes a block that recall rendered', () => {
    const message = `${block('Ana lives in Lyon.', 'Ana has a dog.')}\n\nWhat should I cook? I only have eggs.`

    expect(removeRecalled(message)).toBe('What should I cook? I only have eggs.')
  })

  it('removes several blocks', () => {
    expect(removeRecalled(`I am Ana.\n${block('a b c')}\nI live in Lyon.\n${block('d e f')}\nBye now.`)).toBe(
      'I am Ana.\n\nI live in Lyon.\n\nBye now.',
    )
  })

  it('removes blocks with escaped brackets, upper case and spaces in the tags', () => {
    expect(removeRecalled('&lt;memories&gt;\n- [2026-01-01] Ana: x\n&lt;/memories&gt;Hello')).toBe('Hello')
    expect(removeRecalled('< MEMORIES >\n- [2026-01-01] Ana: x\n</ Memories >Hello')).toBe('Hello')
  })

  it('ends an unclosed block with its last memory line', () => {
    const open = block('Ana lives in Lyon.').replace('</memories>', '')

    expect(removeRecalled(`${open}I moved to Nantes.`)).toBe('I moved to Nantes.')
  })

  it('does not change a message without recalled memories', () => {
    const message = '  My memories of Peru:\n\n\n\n- the food '

    expect(removeRecalled(message)).toBe(message)
  })

  it('takes linear time', () => {
    expect(removeRecalled('<memories>'.repeat(50_000))).toBe('')
    expect(removeRecalled(`${'<memories>'.repeat(20_000)}</memories>x`)).toBe('x')
    expect(removeRecalled('<memories'.repeat(50_000))).toContain('<memories')
  })
})
