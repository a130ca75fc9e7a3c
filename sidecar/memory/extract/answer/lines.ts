import { parse as parseYaml } from 'yaml'
import { decodeEntities } from './clean.ts'
import { type Collected, collect, isSentence, withoutBullet } from './collect.ts'
import type { Json } from './parse.ts'

/**
 * Facts in a form other than JSON: XML, YAML, a Markdown table, or a list under a heading that says that it lists
 * facts. A list without such a heading may be anything and is not read. `cut`: it ends in the middle of an item.
 */
export function collectLines(text: string): Collected | 'cut' | undefined {
  return fromXml(text) ?? fromYaml(text) ?? fromTable(text) ?? fromBullets(text)
}

function fromXml(text: string): Collected | 'cut' | undefined {
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

function fromYaml(text: string): Collected | undefined {
  const start = /^(?:["']?[\p{L}_]+["']?):[ \t]*(?:#.*)?(?:\[\]|\n\s*- |\n\s+[\p{L}_]+: *\n)/mu.exec(text)
  if (!start) return undefined
  // Up to a fence or a paragraph that is no part of the document.
  const document = text
    .slice(start.index)
    .replace(/\n(?:```|~~~|\.\.\.)[\s\S]*$/u, '')
    .replace(/\n\n(?=\p{L}[^:\n]*\n?$)[\s\S]*$/u, '')
  try {
    const value: unknown = parseYaml(document, { maxAliasCount: 0, uniqueKeys: true, logLevel: 'silent' })
    const found = collect(value as Json)
    // A plain list under a heading is read as bullets, which can tell a cut.
    return found?.named && found.facts.every((item) => typeof item === 'object') ? found : undefined
  } catch {
    return undefined
  }
}

function fromTable(text: string): Collected | 'cut' | undefined {
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

/** A list item may end in the numbers of its messages, and begin with its topic. */
function fromBullets(text: string): Collected | 'cut' | undefined {
  const lines = text
    .replace(/<\/?(?:ul|ol|p|h\d|b|strong|br)\s*\/?>/giu, '\n')
    .replace(/<li>/giu, '\n- ')
    .replace(/<\/li>/giu, '\n')
    .split('\n')
    .filter((line) => line.trim() !== '')
  const label = lines.findIndex((line) => LABEL.test(line.trim()))
  if (label === -1) return undefined
  const facts: Json[] = []
  const texts: string[] = []
  let heading = ''
  for (const line of lines.slice(label + 1)) {
    const isItem = withoutBullet(line) !== line.trim()
    if (!isItem && HEADING.test(line.trim())) {
      heading = line.replace(/[#*:：\s]+/gu, ' ').trim()
      if (END_OF_FACTS.test(heading)) break
      continue
    }
    if (!isItem) break
    const [, topic = heading, rest = ''] =
      /^(?:\*\*|\[)?([^*\]:：]{2,30})(?:\*\*\s*[:：]|\]|[:：]\*\*|::)\s*(.+)$/u.exec(withoutBullet(line)) ?? [
        '',
        heading,
        withoutBullet(line),
      ]
    const [cited = '', messages = ''] = CITED.exec(rest) ?? []
    const said = rest
      .slice(0, rest.length - cited.length)
      .replace(/^[*"“「]+|[*"”」]+$/gu, '')
      .trim()
    if (!isSentence(said)) continue
    texts.push(said)
    facts.push({ text: said, topic, messages })
  }
  if (facts.length === 0) return undefined
  // Where every other item ends like a sentence, one that does not was cut.
  const ended = texts.map(
    (one, i) =>
      CITED.test(one) || /[.!?。！？؟]$/u.test(one) || Boolean((facts[i] as { messages: string }).messages),
  )
  if (facts.length > 1 && !ended.at(-1) && ended.slice(0, -1).every(Boolean)) return 'cut'
  return { facts, entities: [], relations: [], summary: undefined, named: true }
}

const ELEMENT = /<(fact|memory|item)\b([^<>]*)>((?:[^<]|<(?!\/?\1\b))*)<\/\1>/giu
const ATTRIBUTE = /([\w-]+)\s*=\s*(["'])([^"']*)\2/gu
const CHILD = /<([\w-]+)>([^<]*)<\/\1>/gu
const LABEL =
  /^(?:#+ |\*\*|here (?:are|is) )?[^.!?。]{0,60}(?:\bfacts?\b|\bmemor(?:y|ies)\b|事实|事實|事実|记忆|記憶|사실|기억|\bhechos\b|\bfaits\b|\bFakten\b|факты)[^.!?。]{0,60}(?:[:：]\**|\*\*)$|^#+ .{0,40}(?:facts|memories|事实|事実|记忆|記憶|사실|fakten|faits|hechos).{0,40}$/iu
const HEADING = /^(?:#+ .{1,60}|\*\*.{1,60}\*\*[:：]?|[\p{L} _&]{2,40}[:：])$/u
const END_OF_FACTS = /^(?:entit|relations?$|summary|notes?$|实体|实體|关系|摘要|要約|関係)/iu
const CITED =
  /\s*[[(（【](?:source|sources|messages?|msg|from|消息|メッセージ|메시지)?s?[ :：#]*((?:\d+[,、 -]*)+)[\])）】][.。]?$/iu
