import { readsAsInstruction } from '../../retrieval/instruction.ts'
import { normalise } from '../../text/terms/normalise.ts'

/** Requests in a chat to erase memories. They erase nothing: erasing is an authenticated API call. */
const ERASE_PATTERNS = [
  /\b(?:forget|erase|wipe)\w*\b[^.!?]{0,30}\b(?:everything|all|anything|memor(?:y|ies))\b/u,
  /\b(?:delet|remov|clear|purg|drop|discard)\w*\b[^.!?]{0,40}\b(?:memor(?:y|ies)|(?:known?|stored|remembered|saved) (?:about|of|on)|(?:everything|all|anything) (?:you|it|the assistant|about))\b/u,
  /(?:全て|すべて|全部|記憶|メモリ)[^。]{0,12}(?:忘れ|消し|消去|削除)/u,
  /(?:忘记|忘記|忘掉|删除|刪除|清除|抹去)[^。]{0,12}(?:一切|所有|全部|记忆|記憶)/u,
  /(?:모든|전부|기억)[^.]{0,12}(?:잊|삭제|지워)/u,
]

/** Whether a text looks like an instruction to the assistant. Such a fact may be stored, but changes no memory. */
export function looksLikeCommand(text: string): boolean {
  const normal = normalise(text)
  return readsAsInstruction(text) || ERASE_PATTERNS.some((pattern) => pattern.test(normal))
}
