import type { ChatMessage } from '../../sidecar/ports/language-model.ts'

/** Limits of the answers, tokens. */
export const MAX_ANSWER_TOKENS = 64
export const MAX_VERDICT_TOKENS = 8

export function answerPrompt(context: string, question: string, now: Date): ChatMessage[] {
  return [
    {
      role: 'system',
      content:
        'You answer questions about a past conversation. Use only the text in <context>, and its words where you can. ' +
        'Turn relative dates into dates with the date of the message. Answer in the language of the question, in as few ' +
        'words as possible and without a sentence. If the context does not say it, answer "unknown".',
    },
    {
      role: 'user',
      content: `<context>\n${context}\n</context>\n\nToday is ${now.toISOString().slice(0, 10)}.\nQuestion: ${question}`,
    },
  ]
}

export interface JudgedAnswer {
  question: string
  answer: string
  prediction: string
}

export function judgePrompt({ question, answer, prediction }: JudgedAnswer): ChatMessage[] {
  return [
    {
      role: 'system',
      content:
        'You grade the answer to a question. It is CORRECT if it says what the expected answer says: other words, another ' +
        'format of a date and additional details do not matter. It is WRONG if it contradicts the expected answer, lacks ' +
        'a part of it, names another day, or does not answer. Reply with one word: CORRECT or WRONG.',
    },
    {
      role: 'user',
      content: `Question: ${question}\nExpected answer: ${answer}\nAnswer to grade: ${prediction}`,
    },
  ]
}

/** 1 or 0; `null` if the reply is no verdict. */
export function readVerdict(reply: string): 0 | 1 | null {
  const [word] = /\b(?:CORRECT|WRONG|INCORRECT)\b/i.exec(reply) ?? []
  return word === undefined ? null : word.toUpperCase() === 'CORRECT' ? 1 : 0
}
