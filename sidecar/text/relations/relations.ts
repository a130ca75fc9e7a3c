import data from '../data/relation-patterns.json' with { type: 'json' }
import { isQuestion, splitSentences } from '../sentences.ts'

/** The person who speaks, as subject or object of a relation. */
export const SELF = 'user'

/** A relation that a sentence states; `subject` and `object` are names, `SELF`, or a role such as `user's sister`. */
export interface StatedRelation {
  subject: string
  label: string
  object: string
  /** Type of the object, such as `place`. */
  objectType: string
  /** Stated as one of several: "I also work at". */
  isAdditional?: true
}

/** Whether a name is a relative of the speaker who is not named. */
export function isRole(name: string): boolean {
  return name.startsWith(`${SELF}'s `)
}

/** The name of a relative who is not named. */
function roleName(label: string, owner = SELF): string {
  return `${owner}'s ${label}`
}

/** Longest sentence that is read, UTF-16 code units. A longer one is hardly a plain statement. */
const MAX_SENTENCE_LENGTH = 240
/** Sentences of one text that are read. */
const MAX_SENTENCES = 40

/**
 * The relations that a text states explicitly, by patterns for six languages. Questions, wishes, negations, the
 * past and what others say yield nothing: a wrong relation costs more than a missing one.
 */
export function findRelations(text: string): StatedRelation[] {
  const found = new Map<string, StatedRelation>()
  for (const sentence of splitSentences(text).slice(0, MAX_SENTENCES)) {
    if (sentence.length > MAX_SENTENCE_LENGTH || isQuestion(sentence)) continue
    const plain = sentence.normalize('NFC').replaceAll('’', "'")
    for (const language of languages()) {
      if (!language.script.test(sentence) || !language.cue.test(plain) || language.never.test(sentence))
        continue
      for (const relation of relationsIn(plain, language)) found.set(JSON.stringify(relation), relation)
    }
  }
  return [...found.values()]
}

function relationsIn(sentence: string, language: Language): StatedRelation[] {
  const clauses = sentence.split(language.separator).map((clause) => clause.trim())
  // The whole sentence too: "my sister, Ana, …" has commas inside.
  const parts = new Set([sentence, ...clauses].flatMap(withSmallStart))
  return [...parts].flatMap((clause) => relationsOf(clause, language))
}

/** A clause as it is, and with the capital of a sentence start in lower case. */
function withSmallStart(clause: string): string[] {
  const small = clause.charAt(0).toLowerCase() + clause.slice(1)
  return small === clause ? [clause] : [clause, small]
}

function relationsOf(clause: string, { patterns, words, excluded, additional }: Language): StatedRelation[] {
  const relations: StatedRelation[] = []
  for (const { label, objectType, outline, pattern } of patterns) {
    if (!outline.test(clause)) continue
    const groups = pattern().exec(clause)?.groups
    const object = groups?.['object']?.trim()
    if (!groups || object === undefined || isExcluded(object, excluded)) continue
    const { kin, kinname, pet, who } = groups
    let subject = who?.trim() ?? SELF
    if (who !== undefined && isExcluded(who.trim(), excluded)) continue
    if (kin !== undefined && label !== '$kin') {
      const role = words.labelOf('kin', kin)
      subject = kinname ?? roleName(role)
      relations.push({ subject: SELF, label: role, object: subject, objectType: 'person' })
    }
    const stated =
      label === '$kin'
        ? words.labelOf('kin', kin ?? '')
        : label === '$pet'
          ? words.labelOf('pet', pet ?? '')
          : label
    const isAdditional = additional.test(clause)
    relations.push({ subject, label: stated, object, objectType, ...(isAdditional && { isAdditional }) })
  }
  return relations
}

function isExcluded(name: string, excluded: ReadonlySet<string>): boolean {
  return excluded.has(name) || /^(?:一[个間家只栋座]|这|那|我|他|她|它|很|和)/u.test(name)
}

interface Language {
  script: RegExp
  separator: RegExp
  /** Matches every sentence that one of the patterns matches, and few others. */
  cue: RegExp
  never: RegExp
  additional: RegExp
  excluded: ReadonlySet<string>
  words: ReturnType<typeof wordsOf>
  patterns: {
    label: string
    objectType: string
    /** Matches whatever the pattern matches. */
    outline: RegExp
    pattern: () => RegExp
  }[]
}

const SCRIPTS = {
  latin: /^[^\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]+$/u,
  kana: /[\p{Script=Hiragana}\p{Script=Katakana}]/u,
  han: /^(?!.*[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]).*\p{Script=Han}/su,
  hangul: /\p{Script=Hangul}/u,
}

/** A proper name in a script with capitals, of up to five words. */
const LATIN_NAME =
  "(?:O')?\\p{Lu}[\\p{L}\\p{M}\\d&]*(?:[-.]\\p{L}+)*(?: (?:(?:de|del|de la|la|van|von|der|am|of|los|las) ){0,2}\\p{Lu}[\\p{L}\\p{M}\\d&]*(?:-\\p{L}+)*){0,3}"
/** A common noun with at most two words before it. */
const LATIN_NOUN = '\\p{Ll}[\\p{L}-]+(?: \\p{Ll}[\\p{L}-]+){0,2}?'

type Code = keyof typeof data.languages
type WordTable = Record<string, Partial<Record<Code, string>>>
const TABLES: Record<'kin' | 'pet', WordTable> = { kin: data.kin, pet: data.pet }

function wordsOf(code: Code) {
  const pick = (table: WordTable) =>
    Object.entries(table).flatMap(([label, words]) => {
      const word = words[code]
      return word === undefined ? [] : [{ label, pattern: new RegExp(`^(?:${word})$`, 'u'), word }]
    })
  const words = { kin: pick(TABLES.kin), pet: pick(TABLES.pet) }
  return {
    /** Longer words first: `女朋友` before `朋友`. */
    alternatives: (kind: 'kin' | 'pet') =>
      words[kind]
        .flatMap(({ word }) => word)
        .sort((a, b) => b.length - a.length)
        .join('|'),
    labelOf: (kind: 'kin' | 'pet', word: string) =>
      words[kind].find(({ pattern }) => pattern.test(word))?.label ?? kind,
  }
}

interface LanguageData {
  script: string
  separator: string
  cue: string
  never: string
  additional: string
  lead: string
  adverb: string
  self: string
  my?: string
  topic?: string
  name?: string
  end?: string
  after?: string
  excluded: string[]
  patterns: string[][]
}

/**
 * A weaker pattern without classes of Unicode: those take 10 ms to compile on the first match of each pattern, and most
 * sentences need no more than the words around the names.
 */
function toOutline(source: string): string {
  return source
    .replaceAll(LATIN_NAME, '.+')
    .replaceAll(LATIN_NOUN, '.+')
    .replaceAll('(?<!\\p{L})', '')
    .replace(/\[[^\]]*\\p\{[^\]]*\]|\\p\{[^}]+\}/g, '.')
}

function compile(code: Code, language: LanguageData): Language {
  const isLatin = language.script === 'latin'
  const words = wordsOf(code)
  const kinword = `(?:${words.alternatives('kin')})`
  const name = language.name ?? LATIN_NAME
  const kin = isLatin
    ? `${language.my} (?<kin>${kinword})(?:,? (?<kinname>${name}),?)?`
    : code === 'zh'
      ? `我的?(?<kin>${kinword})`
      : code === 'ja'
        ? `(?:${language.self}の)?(?<kin>${kinword})(?:の(?<kinname>[\\p{Script=Katakana}ー]{2,8}))?`
        : `(?:(?:제|내|우리) )?(?<kin>${kinword})(?: (?<kinname>[가-힣]{2,3}))?`
  const who = isLatin ? `(?<who>${name})` : `(?<who>${name})(?=さん)さん`
  const macros: Record<string, string> = {
    kin,
    who,
    name,
    kinword,
    petword: `(?:${words.alternatives('pet')})`,
    noun: LATIN_NOUN,
    self: language.self,
    my: language.my ?? '',
    adverb: language.adverb,
    topic: language.topic ?? '',
  }
  const expand = (source: string) => source.replace(/\{(\p{Ll}+)\}/gu, (_, macro) => macros[macro] ?? '')
  // What follows must not continue the name.
  const end = isLatin ? `(?=\\s*(?:$|[.!)"]))|(?=\\s+${language.after})|(?= ["'(])` : (language.end ?? '$')
  return {
    script: SCRIPTS[language.script as keyof typeof SCRIPTS],
    separator: new RegExp(language.separator, 'u'),
    cue: new RegExp(expand(language.cue), 'iu'),
    never: new RegExp(language.never, 'iu'),
    additional: new RegExp(language.additional, 'iu'),
    excluded: new Set(language.excluded),
    words,
    patterns: language.patterns.map(([label = '', objectType = '', source = '']) => {
      const beginning = `^${language.lead}${expand(source)}`
      let pattern: RegExp | undefined
      return {
        label,
        objectType,
        outline: new RegExp(toOutline(beginning), 'u'),
        pattern: () => (pattern ??= new RegExp(`${beginning}(?:${end})`, 'u')),
      }
    }),
  }
}

let compiled: Language[] | undefined

/** Compiled at the first text: the patterns take a tenth of a start. */
function languages(): Language[] {
  const entries = Object.entries(data.languages) as [Code, LanguageData][]
  compiled ??= entries.map(([code, language]) => compile(code, language))
  return compiled
}

/** The labels of relatives and pets that a text speaks of, in any of the languages: `sister` of "妹". */
export function relativesIn(text: string): string[] {
  return RELATIVES.flatMap(({ label, pattern }) => (pattern.test(text) ? [label] : []))
}

const RELATIVES = [TABLES.kin, TABLES.pet].flatMap((table) =>
  Object.entries(table).map(([label, { en, de, es, ja, zh, ko }]) => {
    const spaced = [en, de, es].map((words) => `(?<!\\p{L})(?:${words})(?:s|'s)?(?!\\p{L})`)
    const unspaced = [ja, zh, ko].map((words) => `(?:${words})`)
    return { label, pattern: new RegExp([...spaced, ...unspaced].join('|'), 'iu') }
  }),
)
