/** Whether a Chinese question also tells something of the speaker. */
export function chineseStatesFact(text: string): boolean {
  const clauses = text.split(/[，,、；;：:…—\s]+/u).filter((one) => one !== '')
  let hasAsked = false
  return clauses.some((clause, i) => {
    if (STATES.test(clause) || (MINE.test(clause) && !RECALLS.test(clause))) return true
    const isAsking = i === clauses.length - 1 || QUESTION_WORD.test(clause)
    hasAsked ||= isAsking
    if (isAsking || FILLER.test(clause)) return false
    if (/[我咱俺]|家里|家裡/u.test(clause)) return true
    return !hasAsked && clause.length >= 6 && !/^(?:如果|要是|假如|若|在|对于|關於|关于|除了)/u.test(clause)
  })
}

const QUESTION_WORD =
  /什么|什麼|啥|怎么|怎麼|怎样|怎樣|哪|谁|誰|几(?!乎)|幾(?!乎)|多少|多久|多大|为何|為何|如何|是否|[吗嗎呢]|能不能|可不可以|可以|要不要|是不是|有没有|有沒有|该|該/u
const FILLER =
  /请问|請問|问一下|問一下|问个|問個|想问|想問|想知道|告诉我|告訴我|帮我|幫我|给我|給我|对了|對了|你好/u
const FAMILY =
  '女儿|女兒|儿子|兒子|孩子|老婆|妻子|丈夫|老公|先生|太太|妈|媽|爸|父|母|奶奶|爷爷|爺爺|外婆|外公|姐|妹|哥|弟|女友|男友|女朋友|男朋友|同事|狗|猫|貓|宝宝|寶寶|家'
const MINE = new RegExp(`我(?:们|們)?(?:的|${FAMILY})`, 'u')
const STATES =
  /我(?:们|們)?(?:[对對][^，]{1,10}过?過?敏|是(?!不是|谁|誰|否|什|哪)|有(?!没有|沒有|什|几|幾|多少|哪|空|时间|時間)|不(?!是|该|該|应|應|要|知道|懂|明白|太?清楚)|住在(?!哪|什)|在(?!哪|什|几|幾)|刚|剛|已经|已經|最近|因为|因為|患|怀孕|懷孕|过敏|過敏|吃素|正在)/u
/** A question about the speaker, whose answer would be the fact: 我的血型是什么？ */
const RECALLS =
  /^(?:你?还?還?(?:知道|记得|記得|能告诉我|能告訴我))?我[^，]{1,10}(?:是|叫|在|有)(?:什|谁|誰|哪|几|幾|多少|啥)|^我[^，]{1,8}(?:多少|几|幾|哪天)[^，]{0,4}$/u
