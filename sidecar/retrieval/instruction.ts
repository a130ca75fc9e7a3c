/**
 * Patterns of prompt injection. A match is not proof: the memory is still shown, marked as a quotation. The list is short
 * because the fence around all recalled text is the main defence.
 */
const PATTERNS = [
  /\b(?:ignore|disregard|forget|override)\b[^.!?]{0,40}\b(?:previous|prior|above|earlier|all|any|your|the)\b[^.!?]{0,40}\b(?:instruction|prompt|rule|guideline|direction|message)s?\b/iu,
  /\b(?:reveal|print|repeat|show)\b[^.!?]{0,40}\b(?:system|hidden|initial)\s+(?:prompt|instruction|message)s?\b/iu,
  /\bfrom now on\b[^.!?]{0,30}\b(?:you|act|answer|respond|behave)\b/iu,
  /<\/?(?:system|assistant|instructions?)>|\[\/?INST\]|<\|im_(?:start|end)\|>/iu,
  /(?:以前|これまで|上記|前)の(?:指示|命令|プロンプト)[^。]{0,12}(?:無視|忘れ)/u,
  /(?:忽略|无视|無視|忘记|忘記)[^。]{0,12}(?:之前|以上|先前|所有)[^。]{0,8}(?:指令|指示|提示)/u,
  /(?:이전|위의|앞의)[^.]{0,8}(?:지시|명령|프롬프트)[^.]{0,12}(?:무시|잊)/u,
]

export function readsAsInstruction(text: string): boolean {
  return PATTERNS.some((pattern) => pattern.test(text))
}
