import { describe, expect, it } from 'vitest'
import { PreviousBlocks } from '../../../../sidecar/experiments/online/previous-blocks.ts'

/** One token per character. */
const count = (text: string) => text.length

function open() {
  const blocks = new PreviousBlocks()
  return {
    forget: (prefix: string) => blocks.forget(prefix),
    next: (conversation: string, id: string, text: string) =>
      blocks.next(conversation, { text, id, tokens: undefined }, count),
  }
}

describe('the prefix that a block shares with the previous one', () => {
  it('is absent first, whole while the block is unchanged, and the common beginning when it grows or changes', () => {
    const { next } = open()
    expect(next('c', '1', 'abcd')).toEqual({ block: 4, shared: undefined })
    expect(next('c', '2', 'abcd')).toEqual({ block: 4, shared: 4 })
    expect(next('c', '3', 'abcdef')).toEqual({ block: 6, shared: 4 })
    expect(next('c', '4', 'abXdef')).toEqual({ block: 6, shared: 2 })
    expect(next('c', '5', '')).toEqual({ block: 0, shared: 0 })
  })

  it('is that of the same conversation', () => {
    const { next } = open()
    next('c', '1', 'abcd')
    expect(next('d', '1', 'abcd')).toEqual({ block: 4, shared: undefined })
  })

  it('is not counted for a repeated turn', () => {
    const { next } = open()
    next('c', '1', 'abcd')
    expect(next('c', '1', 'abcd')).toBeUndefined()
    expect(next('c', '2', 'abcd')).toEqual({ block: 4, shared: 4 })
  })

  it('is forgotten with its user', () => {
    const { next, forget } = open()
    next('default/ada/c', '1', 'abcd')
    next('default/adam/c', '1', 'abcd')
    forget('default/ada/')
    expect(next('default/ada/c', '2', 'abcd')).toEqual({ block: 4, shared: undefined })
    expect(next('default/adam/c', '2', 'abcd')).toEqual({ block: 4, shared: 4 })
  })
})
