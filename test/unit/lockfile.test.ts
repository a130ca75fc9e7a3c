import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

interface Locked {
  version?: string
  resolved?: string
  link?: boolean
  optionalDependencies?: Record<string, string>
}

const { packages } = JSON.parse(
  readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8'),
) as {
  packages: Record<string, Locked>
}

describe('package-lock.json', () => {
  it('has an entry for every platform, so that `npm ci` takes it on each of them', () => {
    const wanted = Object.values(packages).flatMap(({ optionalDependencies = {} }) =>
      Object.keys(optionalDependencies),
    )
    expect(wanted.length).toBeGreaterThan(20)
    expect(wanted.filter((name) => !packages[`node_modules/${name}`])).toEqual([])
  })

  it('holds no download address', () => {
    const addresses = Object.values(packages).flatMap(({ resolved, link }) =>
      resolved && !link ? [resolved] : [],
    )
    expect(addresses).toEqual([])
  })
})
