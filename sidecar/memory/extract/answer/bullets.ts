import type { Collected } from './collect.ts'
import { isSentence, withoutBullet } from './sentences.ts'

interface Item {
  text: string
  topic: string
  messages: string
}

/**
 * A list of bullets or numbers under a heading that announces facts. All of it or nothing: an item that is no
 * sentence (`- Name: Ana`), or items behind other text, make it something else than a list of facts.
 */
export function collectBullets(text: string): Collected | 'cut' | undefined {
  const items = itemsOf(linesOf(text))
  if (items === undefined || items.length === 0 || !items.every((item) => isSentence(item.text, 2)))
    return undefined
  // Where every other item ends like a sentence, one that does not was cut.
  const isEnded = ({ text: said, messages }: Item) => /[.!?。！？؟]["”」]?$/u.test(said) || messages !== ''
  const last = items.at(-1) as Item
  if (items.length > 1 && !isEnded(last) && items.slice(0, -1).every(isEnded)) return 'cut'
  return {
    facts: items.map((item) => ({ ...item })),
    entities: [],
    relations: [],
    summary: undefined,
    named: false,
  }
}

function itemsOf(lines: readonly string[]): Item[] | undefined {
  const label = lines.findIndex((line) => LABEL.test(line.trim()))
  if (label === -1) return []
  const items: string[] = []
  const topics: string[] = []
  let topic = ''
  let hasEnded = false
  for (const line of lines.slice(label + 1)) {
    const item = withoutBullet(line)
    if (item !== line.trim()) {
      if (hasEnded) return undefined
      items.push(item)
      topics.push(topic)
    } else if (HEADING.test(item)) {
      topic = item.replace(/[#*:：\s]+/gu, ' ').trim()
      if (END_OF_FACTS.test(topic)) break
    } else if (/^\s/u.test(line) && items.length > 0) {
      // An item that goes on in a line of its own.
      items.push(`${items.pop()} ${item}`)
    } else {
      hasEnded = true
    }
  }
  return items.map((item, i) => toItem(item, topics[i] ?? ''))
}

/** An item may begin with its topic and end in the numbers of its messages. */
function toItem(item: string, heading: string): Item {
  const [, topic = heading, rest = item] = WITH_TOPIC.exec(item) ?? []
  const [cited = '', messages = ''] = CITED.exec(rest) ?? []
  const text = rest
    .slice(0, rest.length - cited.length)
    .replace(/^\*+|\*+$/gu, '')
    .trim()
  return { text, topic, messages }
}

function linesOf(text: string): string[] {
  return text
    .replace(/<\/?(?:ul|ol|p|h\d|b|strong|br)\s*\/?>/giu, '\n')
    .replace(/<li>/giu, '\n- ')
    .replace(/<\/li>/giu, '\n')
    .split('\n')
    .filter((line) => line.trim() !== '')
}

const LABEL =
  /^(?:#+ |\*\*)?[^.!?。]{0,40}(?:\bfacts\b|\bmemories\b|事实|事實|事実|记忆|記憶|사실|기억|\bhechos\b|\bfaits\b|\bFakten\b|факты)[^.!?。]{0,30}(?:[:：]\**|\*\*)$|^#+ .{0,40}(?:facts|memories|事实|事実|记忆|記憶|사실|fakten|faits|hechos).{0,30}$/iu
const HEADING = /^(?:#+ .{1,60}|\*\*.{1,60}\*\*[:：]?|[\p{L} _&]{2,40}[:：])$/u
const END_OF_FACTS = /^(?:entit|relations?$|summary|notes?$|实体|实體|关系|摘要|要約|関係)/iu
const WITH_TOPIC = /^(?:\*\*|\[)?([^*\]:：]{2,30})(?:\*\*\s*[:：]|\]|[:：]\*\*|::)\s*(.+)$/u
const CITED =
  /\s*[[(（【](?:source|sources|messages?|msg|from|消息|メッセージ|메시지)?s?[ :：#]*((?:\d{1,4}[,、 -]{0,3}){1,20})[\])）】][.。]?$/iu
