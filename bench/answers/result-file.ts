import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'

/** What one system made of one question. */
export interface AnswerResult {
  dialogue: string
  group: string
  question: string
  kind: string
  system: string
  prediction: string
  f1: number
  bleu1: number
  /** One verdict per run of the judge; `null` where the reply was none. */
  verdicts: (0 | 1 | null)[]
  /** Tokens of the context. */
  o200k: number
  cl100k: number
  searchMs: number
  totalMs: number
  /** Why the model gave no answer. The scores are 0. */
  error?: string
}

/** Results as JSON lines, after a line with the settings; a run that is started again continues after them. */
export class ResultFile {
  readonly path: string
  readonly results: AnswerResult[]
  readonly #known: Set<string>

  /** @throws {Error} if the file was written with other settings */
  constructor(path: string, settings: Readonly<Record<string, string | number>>) {
    this.path = path
    const head = JSON.stringify(settings)
    if (!existsSync(path)) writeFileSync(path, `${head}\n`)
    // A run that was killed may have left half a line.
    const [first = '', ...lines] = readFileSync(path, 'utf8').split('\n').slice(0, -1)
    if (first !== head) {
      throw new Error(`--out: expected results of ${head}, got ${path} with ${first}; choose another file`)
    }
    writeFileSync(path, `${[first, ...lines].join('\n')}\n`)
    this.results = lines.map((line) => JSON.parse(line) as AnswerResult)
    this.#known = new Set(this.results.map(keyOf))
  }

  has(one: Pick<AnswerResult, 'dialogue' | 'question' | 'system'>): boolean {
    return this.#known.has(keyOf(one))
  }

  add(result: AnswerResult): void {
    appendFileSync(this.path, `${JSON.stringify(result)}\n`)
    this.#known.add(keyOf(result))
    this.results.push(result)
  }
}

function keyOf({
  dialogue,
  question,
  system,
}: Pick<AnswerResult, 'dialogue' | 'question' | 'system'>): string {
  return JSON.stringify([dialogue, question, system])
}
