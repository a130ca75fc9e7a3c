/** Whether a Korean question also tells something of the speaker. */
export function koreanStatesFact(text: string): boolean {
  const words = text.split(/\s+/u)
  const isJoined = words.some((word, i) => {
    const bare = word.replace(/[.…]+$/u, '')
    if (i === words.length - 1 || QUESTION_WORD.test(bare) || FILLER.test(bare)) return false
    return JOINED.test(bare) || (/[,;:，、—-]$/u.test(bare) && ENDED.test(bare.slice(0, -1)))
  })
  if (isJoined || WITH_SPEAKER.test(text)) return true
  return MINE.test(text) && !RECALLS.test(text)
}

const QUESTION_WORD = /뭐|뭘|뭔|무엇|무슨|어디|언제|누구|누가|왜|어떻게|어떤|어느|몇|얼마/u
/** "But", "by the way", "I have a question". */
const FILLER =
  /^(?:그런데|근데|그래서|그러니까|하지만|그렇지만|저기요?|질문|죄송|안녕|그리고|있잖아요?)|싶은데|궁금/u
/** Endings that join a clause to the question. */
const JOINED =
  /[가-힣](?:데|데요|니까|지만|거든|거든요|어서|아서|해서|라서|여서|이라|[았었했됐졌갔왔]어|이고|있고|없고|는데도|에요|예요|어요|아요|해요|습니다|입니다|합니다)[,.;:，]?$/u
const ENDED = /(?:다|요|데|서|고|야|까|지만|음|임|함)$/u
/** "… who have an allergy": a clause before a pronoun. */
const WITH_SPEAKER = /[가-힣](?:는|은|인)\s(?:제가|내가|저도|나도|저에게|나에게)/u
const MINE =
  /(?:^|[\s,])(?:(?:내|제|나의|저의)\s(?!생각)|(?:우리|저희)\s(?!오늘|내일|이번|지금|같이|점심|저녁|아침|언제|어디|뭐|뭘|몇|왜|주말|다음))/u
/** A question about the speaker, whose answer would be the fact: 내 혈액형이 뭐야? */
const RECALLS =
  /^(?:\S+\s){0,2}(?:내|제|나의|저의|우리|저희)\s(?:\S+\s){0,2}\S+(?:이|가|은|는)\s(?:뭐|뭔|무엇|무슨|언제|어디|누구|몇|얼마|어떻게 돼|어떻게 되|기억)/u
