/** Whether a Japanese question also tells something of the speaker. */
export function japaneseStatesFact(text: string): boolean {
  const clauses = text.split(/[、，,;；:：…—–\s]+/u).filter((one) => one !== '')
  return clauses.some((clause, i) => {
    const isLast = i === clauses.length - 1
    return (
      CONDITION.test(clause) ||
      isStatement(clause, isLast) ||
      ((MINE.test(clause) || OWN.test(clause)) && !RECALLS.test(clause))
    )
  })
}

/** A clause that a connective joins to the question. */
function isStatement(clause: string, isLast: boolean): boolean {
  const joined = JOINED.exec(clause)
  const before = joined?.groups?.['before'] ?? ''
  if (before.length >= 3 && !QUESTION_WORD.test(before) && !FILLER.test(clause)) return true
  if (isLast || clause.length < 4 || QUESTION_WORD.test(clause) || FILLER.test(clause)) return false
  return ENDED.test(clause) || (clause.length >= 5 && /で$/u.test(clause))
}

const QUESTION_WORD =
  /何|なに|なん(?=[でのかじ])|どこ|いつ|誰|だれ|どう|なぜ|どの|どれ|どちら|どっち|どんな|いくら|いくつ/u
/** "By the way", "I have a question". */
const FILLER = /質問|聞きた|知りた|教えて|相談|聞いて|ところで|すみません|お願い|もし|たら$|なら$|れば$/u
const JOINED =
  /^(?<before>.+?)(?:けれども?|けど|なので|るので|たので|いので|んので|ますので|ですので|のに(?!は)|(?:だ|です|ます|る|い|た|ん)から(?!は)|(?:だ|です|ます|る|い|た|ない)し(?=.)|てて|ていて|ており|んだが|ですが|ますが)/u
const ENDED = /(?:です|ます|ました|でした|[^ま]だ|だった|ない|た|る|て|が)$/u
const CONDITION = /(?:アレルギー|不耐症|病|妊娠中|ベジタリアン|[ヴビ](?:ィ)?ーガン)(?:で|だと|だが|持ちで)/u
const MINE = /(?:私|わたし|僕|ぼく|俺|おれ|うち|自分)(?:の(?!こと)|でも)|我が家/u
const OWN =
  /(?<![\p{Script=Han}])(?:娘|息子|妻|夫|旦那|嫁|主人|母|父|祖母|祖父|姉|妹|兄|弟|彼女|彼氏|子供|子ども|愛犬|愛猫)(?![\p{Script=Han}])/u
/** A question about the speaker, whose answer would be the fact: 私の血液型は何？ */
const RECALLS =
  /(?:は|って|が)(?:何|なん|なに|いつ|どこ|誰|だれ|いくつ|いくら|どれ|どの|どんな|どう|覚えて|知って|わか|分か|[?？]*$)|を(?:覚え|知って|言っ)/u
