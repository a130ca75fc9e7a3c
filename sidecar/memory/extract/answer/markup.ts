import { parse as parseYaml } from 'yaml'
import { decodeEntities } from './clean.ts'
import { type Collected, collect } from './collect.ts'
import { isObject, type JsonObject } from './keys.ts'
import type { Json } from './parse.ts'

/** Elements `<fact>` with their fields as attributes or as elements in them. */
export function fromXml(text: string): Collected | 'cut' | undefined {
  if (!/<(?:fact|memory|item)\b[^<>]*>/iu.test(text)) return undefined
  const items: Json[] = []
  let end = 0
  for (const element of text.matchAll(ELEMENT)) {
    const [whole, , attributes = '', inner = ''] = element
    const fields: Record<string, string> = {}
    for (const [, name = '', , value = ''] of attributes.matchAll(ATTRIBUTE))
      fields[name] = decodeEntities(value)
    const children = [...inner.matchAll(CHILD)]
    for (const [, name = '', value = ''] of children) fields[name] = decodeEntities(value).trim()
    if (children.length === 0) fields['text'] = decodeEntities(inner).trim()
    items.push(fields)
    end = element.index + whole.length
  }
  if (/<(?:fact|memory|item)\b/iu.test(text.slice(end)) || items.length === 0) return 'cut'
  const summary = /<summary>([^<]*)<\/summary>/iu.exec(text)?.[1]?.trim()
  return { facts: items, entities: [], relations: [], summary, named: true }
}

/** A YAML document in a text, if its items are mappings: a plain list under a heading is read as bullets. */
export function fromYaml(text: string): Collected | 'cut' | undefined {
  const start =
    /^- [\p{L}_]+: \S|^(?:["']?[\p{L}_]+["']?):[ \t]*(?:#.*)?(?:\[\]|\n\s*- |\n\s+[\p{L}_]+: *\n)/mu.exec(
      text,
    )
  if (!start) return undefined
  // Up to a fence or a paragraph that is no part of the document.
  const document = text
    .slice(start.index)
    .replace(/\n(?:```|~~~|\.\.\.)[\s\S]*$/u, '')
    .replace(/\n\n(?=\p{L}[^:\n]*\n?$)[\s\S]*$/u, '')
  // The parser takes quadratic time on some texts.
  if (document.length > MAX_YAML_LENGTH) return undefined
  try {
    const value: unknown = parseYaml(document, { maxAliasCount: 0, uniqueKeys: true, logLevel: 'silent' })
    const found = collect(value as Json)
    if (!found?.facts.every(isObject)) return undefined
    // Only its last item can tell that a document was cut: it has fewer fields than the first.
    const [first = {}, last = first] = [found.facts[0], found.facts.at(-1)] as [JsonObject?, JsonObject?]
    return Object.keys(last).length < Object.keys(first).length ? 'cut' : found
  } catch {
    return undefined
  }
}

/** A Markdown table whose head names the fields. */
export function fromTable(text: string): Collected | 'cut' | undefined {
  const rows = text.split('\n').filter((row) => /^\s*\|.*\|/u.test(row) || /^\s*\|/u.test(row))
  const [head, rule, ...body] = rows
  if (head === undefined || !/^\s*\|(?:\s*:?-+:?\s*\|)+\s*$/u.test(rule ?? '') || body.length === 0)
    return undefined
  const names = cells(head)
  const facts = body.map((row) =>
    Object.fromEntries(cells(row).map((cell, i) => [names[i] ?? `c${i}`, cell])),
  )
  const found = collect({ facts })
  if (!facts.some((fact) => collect(fact) !== undefined)) return undefined
  return /\|\s*$/u.test(body.at(-1) ?? '') ? found : 'cut'
}

function cells(row: string): string[] {
  return row
    .trim()
    .replace(/^\||\|$/gu, '')
    .split('|')
    .map((cell) => cell.trim())
}

const ELEMENT = /<(fact|memory|item)\b([^<>]*)>((?:[^<]|<(?!\/?\1\b))*)<\/\1>/giu
const ATTRIBUTE = /([\w-]+)\s*=\s*(["'])([^"']*)\2/gu
const CHILD = /<([\w-]+)>([^<]*)<\/\1>/gu
const MAX_YAML_LENGTH = 20_000
