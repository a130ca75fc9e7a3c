import { describe, expect, it } from 'vitest'
import type { Memory } from '../../../sidecar/memory/memory.ts'
import { withoutRecalled } from '../../../sidecar/memory/model/recalled.ts'
import { render } from '../../../sidecar/recall/render.ts'

function block(...texts: string[]): string {
  const memories = texts.map(
    (text) => ({ text, speaker: 'Ana', sources: [{ at: 0 }], created_at: 0 }) as unknown as Memory,
  )
  return render(memories, 10_000, (text) => text.length / 4).text
}

describe('recalled memories in a message', () => {
  it('are removed as a block that recall rendered', () => {
    const message = `${block('Ana lives in Lyon.', 'Ana has a dog.')}\n\nWhat should I cook? I only have eggs.`

    expect(withoutRecalled(message)).toBe('What should I cook? I only have eggs.')
  })

  it('are removed where several blocks stand between what was said', () => {
    expect(
      withoutRecalled(`I am Ana.\n${block('a b c')}\nI live in Lyon.\n${block('d e f')}\nBye now.`),
    ).toBe('I am Ana.\n\nI live in Lyon.\n\nBye now.')
  })

  it('are removed with escaped brackets, other case and blanks in the tags', () => {
    expect(withoutRecalled('&lt;memories&gt;\n- [2026-01-01] Ana: x\n&lt;/memories&gt;Hello')).toBe('Hello')
    expect(withoutRecalled('< MEMORIES >\n- [2026-01-01] Ana: x\n</ Memories >Hello')).toBe('Hello')
  })

  it('end with their last line where the block is not closed: what follows was said', () => {
    const open = block('Ana lives in Lyon.').replace('</memories>', '')

    expect(withoutRecalled(`${open}I moved to Nantes.`)).toBe('I moved to Nantes.')
  })

  it('are removed line by line where their lines are known', () => {
    const known = ['Ana lives in Lyon.', '- [2026-01-01] Ana: Ana has a dog.']
    const message =
      'You told me:\n- [2026-02-02] Ana: Ana lives in Lyon\n> Ana has a dog.\nand that Ana lives in Lyon. is a sentence.'

    expect(withoutRecalled(message, known)).toBe('You told me:\nand that Ana lives in Lyon. is a sentence.')
  })

  it('leave a message as it is that has none, spaces included', () => {
    const message = '  My memories of Peru:\n\n\n\n- the food '

    expect(withoutRecalled(message)).toBe(message)
  })

  it('are found in time linear in the text', () => {
    expect(withoutRecalled('<memories>'.repeat(50_000))).toBe('')
    expect(withoutRecalled(`${'<memories>'.repeat(20_000)}</memories>x`)).toBe('x')
    expect(withoutRecalled('<memories'.repeat(50_000))).toContain('<memories')
  })
})
