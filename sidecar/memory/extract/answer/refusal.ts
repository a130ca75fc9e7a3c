/** How models decline in words; only asked of answers that hold no facts. */
const SHAPES = [
  /\b(?:I(?:'|’)m|I am|we are)?\s*(?:sorry|afraid|unable|not able)\b[^.!?\n]{0,60}\b(?:can(?:'|’)?t|cannot|can not|unable|not able|won(?:'|’)?t|help|assist|comply)/iu,
  /\bI\s+(?:can(?:'|’)?t|cannot|can not|won(?:'|’)?t|must decline|am unable|am not able|decline)\b/iu,
  /\bas an? (?:AI|language model|artificial)/iu,
  /(?:无法|不能|無法|抱歉|对不起|對不起)[^。\n]{0,40}(?:提供|处理|處理|协助|協助|帮助|幫助|满足|提取|回答|请求)/u,
  /(?:申し訳|恐れ入り|ごめん)[^。\n]{0,60}(?:できません|いたしかね|対応|お手伝い|お答え)|(?:お答え|対応|抽出)(?:する)?(?:ことは)?でき(?:ません|かね)/u,
  /(?:죄송|미안)[^.\n]{0,60}(?:없습니다|어렵습니다|수 없)/u,
  /\b(?:je (?:ne peux|suis désolé|regrette)|désolé,? (?:mais )?je)\b/iu,
  /\b(?:lo siento|no puedo)\b[^.\n]{0,60}\b(?:puedo|ayudar|procesar|extraer|cumplir|proporcionar)/iu,
  /\b(?:es tut mir leid|tut mir leid|ich kann (?:das|dies|diese|dir|Ihnen|leider)[^.\n]{0,40}nicht)/iu,
  /(?:извините|к сожалению|простите)[^.\n]{0,60}(?:не могу|невозможно)/iu,
  /(?:آسف|عذرا|أعتذر)[^.\n]{0,60}(?:لا أستطيع|لا يمكنني|لا أقدر)/u,
]

export function isRefusal(answer: string): boolean {
  return SHAPES.some((shape) => shape.test(answer.slice(0, 600)))
}
