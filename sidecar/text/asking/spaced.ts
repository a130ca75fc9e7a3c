/** Whether a question in a script with spaces also tells something of the speaker. */
export function spacedStatesFact(text: string): boolean {
  const clauses = clausesOf(text)
  const remembers = REMEMBERS.test(wordsOf(text).join(' '))
  let hasAsked = false
  return clauses.some((clause, i) => {
    const words = wordsOf(clause)
    const [first = ''] = words
    if (FILLER.test(words.join(' '))) return false
    if (JOINING.test(clause) && hasSpeaker(words)) return true
    if (AS_SOMEBODY.test(clause)) return true
    const isLast = i === clauses.length - 1
    const mayAsk = clause.startsWith('¿') || !text.includes('¿', text.indexOf(clause))
    const isAsking = isLast || (mayAsk && !isSpeaker(first) && startsQuestion(clause, words))
    if (isAsking) {
      hasAsked = true
      return askingStatesFact(clause, words, remembers)
    }
    if (hasSpeaker(words) || words.some((word) => FACT_VERBS.has(word))) return true
    return !hasAsked && words.length >= 4 && !OPENING.has(first)
  })
}

const setOf = (words: string): ReadonlySet<string> => new Set(words.split(' '))

const QUESTION_WORDS = setOf(
  "what what's which who who's whom whose when when's where where's why how how's was wer wen wem wessen wann wo woher wohin wieso weshalb warum wie wieviel welche welcher welches welchen welchem womit wofür qué quién quiénes cuál cuáles cuándo cuánto cuánta cuántos cuántas dónde adónde cómo quel quelle quels quelles qui quoi quand où comment pourquoi combien qu'est che cosa quale quali quando dove come perché chi quanto quanti qual quais onde como quem wat welke waar wanneer waarom hoe что кто где когда почему как какой какая какие сколько куда",
)
/** Verbs that stand before the subject of a question. */
const INVERTED = setOf(
  "can could should shall may might must will would do does did is are am was were have has had can't couldn't shouldn't won't wouldn't don't doesn't didn't isn't aren't haven't kann kannst können könnte soll sollte sollen darf dürfen muss müssen hast habe haben hat ist sind bin gibt weißt kennst est-ce peux puis-je dois",
)
const SPEAKERS = setOf(
  "i i'm i've i'd i'll we we're we've ich wir yo nosotros nosotras je j'ai io noi eu nós ik я мы",
)
const POSSESSIVES = setOf(
  'my our mein meine meinen meinem meiner meines unser unsere unserem unseren unserer mi mis mío mía nuestro nuestra nuestros nuestras mon ma mes notre mio mia miei mie nostro nostra meu minha meus minhas nosso nossa mijn onze мой моя моё мои моего моей моему моим моих мою наш наша наши у_меня',
)
const OBLIQUE = setOf('mir mich me uns nos мне меня нам нас')
/** Verbs of the first person that need no pronoun. */
const FACT_VERBS = setOf(
  'soy estoy tengo vivo trabajo padezco sufro llevo peso mido tomo odio somos tenemos vivimos bin habe suis sono sou estou tenho moro',
)
/** What joins a clause of circumstances to the question. */
const JOINING =
  /^(?:because|since(?! when)|although|though|while|whereas|given|now that|as (?:i|we|my|our)|weil|da|obwohl|nachdem|seit|seitdem|wenn|falls|denn|porque|ya que|si|aunque|dado que|puesto que|parce que|puisque|comme|perché|siccome|poiché|omdat|потому что)(?![\p{L}'])/iu
/** A clause that starts so is part of the question: "for dinner tonight, …", "if it rains, …". */
const OPENING = setOf(
  'for in on at by with to from after before between if when while assuming suppose apart besides für im am an bei mit zu nach vor wenn falls zwischen para en a con por de entre si cuando pour à dans avec per nel voor met для в на с если',
)
/** "As a diabetic, …", "darf ich als Diabetiker …" */
const AS_SOMEBODY =
  /^(?:[Aa]s an?|[Cc]omo|[Ee]n tant que) \p{L}+$|\b(?:I|we) as an? \p{L}|\b(?:ich|wir) als \p{Lu}|^[Aa]ls \p{Lu}\p{L}+ (?:darf|kann|soll|muss|dürfen|können|sollen|müssen)/u
const FILLER =
  /\bquestions?\b|\bwonder(?:ing)?\b|\bcurious\b|want to know|like to (?:know|ask)|\bfragen?\b|gerne? wissen|\bpregunta\b|quiero saber|quisiera saber|je me demande|\bdomanda\b|вопрос/u

/** Clauses, split at punctuation, at an inverted question mark, and before words that join circumstances. */
function clausesOf(text: string): string[] {
  return text
    .split(/[,;:()—–…،]+|\s-\s|(?<=\S)\s*(?=¿)/u)
    .flatMap((part) =>
      part.split(
        /\s(?=(?:because|since|although|though|given that|if|as (?:i|we|my)|now that|weil|obwohl|nachdem|wenn|falls|porque|ya que|aunque|si|puesto que|parce que|puisque)\s)/iu,
      ),
    )
    .map((clause) => clause.trim())
    .filter((clause) => /[\p{L}\p{N}]/u.test(clause))
}

function wordsOf(clause: string): string[] {
  return clause.toLowerCase().match(/[\p{L}\p{M}\p{N}]+(?:['-][\p{L}\p{M}\p{N}]+)*/gu) ?? []
}

function isSpeaker(word: string): boolean {
  return SPEAKERS.has(word) || POSSESSIVES.has(word) || FACT_VERBS.has(word)
}

function hasSpeaker(words: readonly string[]): boolean {
  return words.some((word) => isSpeaker(word) || OBLIQUE.has(word))
}

function startsQuestion(clause: string, words: readonly string[]): boolean {
  return (
    clause.startsWith('¿') ||
    INVERTED.has(words[0] ?? '') ||
    words.slice(0, 3).some((word) => QUESTION_WORDS.has(word))
  )
}

/** Whether a clause that asks tells something too: "Can I eat shrimp with my allergy?" */
function askingStatesFact(clause: string, words: readonly string[], remembers: boolean): boolean {
  const isOpen = words.slice(0, 3).some((word) => QUESTION_WORDS.has(word))
  const details = countDetails(clause, words)
  if (words.some((word, i) => POSSESSIVES.has(word) && !(word === 'ma' && i === 0))) {
    return details > 0 || !(remembers || recalls(words, isOpen))
  }
  if (words.some((_, i) => isDeclared(words, i))) return true
  return words.some((word) => SPEAKERS.has(word)) && details > (isOpen ? 1 : 0)
}

/** Numbers, and names within the clause; German capitalises all nouns. */
function countDetails(clause: string, words: readonly string[]): number {
  const numbers = clause.match(/\p{N}+/gu)?.length ?? 0
  const isGerman = words.some((word) => /^(?:ich|wir|mir|mich|uns|mein.*|unser.*|der|die|das)$/.test(word))
  const names = isGerman ? [] : (clause.match(/(?<=[\p{Ll}\p{N}] )(?!I\b)\p{Lu}\p{Ll}+/gu) ?? [])
  return numbers + names.length
}

const REMEMBERS =
  /^(?:so |and |und )?(?:do you (?:still )?(?:know|remember|recall)|(?:can|could) you (?:tell|remind) me|weißt du|erinnerst du|kannst du mir sagen|(?:te )?(?:sabes|recuerdas|acuerdas)|(?:me )?puedes decir(?:me)?|tu te souviens|sais-tu|ti ricordi)/u
/** Verbs of a question about the speaker. */
const RECALL_VERBS = setOf(
  "is are was were what's where's when's who's how's did have has had ist sind war waren heißt heissen heißen hieß habe hat hatte es son era eran fue está están tengo dije puse est sont era sono è são было",
)
const TOWARDS = setOf('with for to mit für zu bei con para pour avec per com voor met')

/** Whether a question asks for what the speaker told: "What is my blood type?", "Where did I put my keys?" */
function recalls(words: readonly string[], isOpen: boolean): boolean {
  const at = words.findIndex((word) => POSSESSIVES.has(word))
  if (!isOpen || words.length > 8 || TOWARDS.has(words[at - 1] ?? '')) return false
  // The first word is a question word; in German that may be "was".
  return words.slice(0, at).some((word, i) => RECALL_VERBS.has(word) && (i > 0 || word.includes("'")))
}

const MODAL = setOf('should could can may might will would shall do need want')

/** Whether the word is an English subject that no verb precedes: "… now that I'm vegan". */
function isDeclared(words: readonly string[], at: number): boolean {
  const word = words[at] as string
  if (!/^(?:i|we)(?:'|$)/.test(word) || word === "i'd" || word === "i'll") return false
  const before = words[at - 1]
  if (before !== undefined && (INVERTED.has(before) || before === 'not')) return false
  if (before !== undefined && QUESTION_WORDS.has(before)) return false
  return word.includes("'") || !MODAL.has(words[at + 1] ?? 'should')
}
