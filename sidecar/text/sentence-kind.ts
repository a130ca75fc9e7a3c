import { normalise } from './normalise.ts'
import { hasDenseScript, segment } from './segment.ts'

/** Whether a sentence only asks: it ends in a question mark of any script, exclamation marks aside. */
export function isQuestion(sentence: string): boolean {
  return /[?？؟⁇⁈‽][!！?？]*["'”’»)\]」』）]*$/u.test(sentence.trim().slice(-20))
}

/**
 * Whether a sentence carries nothing to remember: no words at all, or only greetings, thanks, agreement
 * and exclamations of some twenty languages.
 */
export function isFiller(sentence: string): boolean {
  const normal = normalise(sentence)
  const words = segment(normal).filter((word) => word.kind !== 'gram')
  if (words.length === 0) return true
  if (hasDenseScript(normal)) {
    const bare = normal.replace(/[\p{P}\p{S}\s]+/gu, '')
    return bare.length <= MAX_FILLER_LENGTH && DENSE_FILLER.test(bare)
  }
  return words.length <= 8 && words.every((word) => FILLERS.has(word.text))
}

/** Longer than any small talk; it also bounds the search for a way to read the text as small talk. */
const MAX_FILLER_LENGTH = 30

const FILLERS = new Set(
  `hi there hello hey hiya howdy yo greetings good morning afternoon evening night day bye goodbye see you later soon
  take care cheers thanks thank thx ty please welcome you're sorry sure ok okay okey yes yeah yep yup no nope nah
  oh ah wow cool nice great awesome amazing lovely perfect fine right exactly absolutely definitely totally
  indeed agreed understood haha hehe lol well so much very that's it's is all alright hmm um uh
  bonjour bonsoir salut coucou merci beaucoup d'accord oui non super génial parfait au revoir bonne nuit journée
  hallo guten tag morgen abend gute nacht danke schön vielen dank bitte ja nein gut tschüss super
  hola buenos días buenas tardes noches gracias muchas vale claro sí adiós genial perfecto por favor
  ciao buongiorno buonasera grazie mille prego sì va bene perfetto
  olá oi bom dia boa tarde noite obrigado obrigada muito sim tchau tudo bem
  hoi dank je wel bedankt goed goedemorgen dag
  hej tack tak takk bra godt fint god morgon
  привет здравствуйте здравствуй спасибо большое пожалуйста да нет хорошо ладно пока добрый день утро вечер
  доброе ок отлично понятно
  مرحبا اهلا شكرا جزيلا نعم لا حسنا السلام عليكم صباح الخير مساء تمام
  merhaba selam teşekkürler teşekkür ederim evet hayır tamam`.split(/\s+/),
)

/** Whole sentences, without punctuation, of Japanese, Chinese, Korean and Thai small talk. */
const DENSE_FILLER = new RegExp(
  `^(?:${`こんにちは こんばんは おはよう おはようございます ありがとう ありがとうございます どうもありがとう どうも
  はい いいえ うん ええ そうですね そうだね そうですか なるほど わかりました 分かりました 了解 了解です 了解しました
  すごい すごいですね いいですね いいね お疲れ様です お疲れ様 おやすみ おやすみなさい さようなら またね 失礼します
  よろしくお願いします お願いします すみません
  你好 您好 你们好 嗨 哈喽 早 早上好 早安 晚上好 晚安 下午好 谢谢 谢谢你 非常感谢 多谢 好 好的 好吧 嗯 是 是的 对 对的
  不 不是 没错 明白 明白了 知道了 收到 再见 拜拜 太好了 真棒 真好 哈 不客气 没关系
  謝謝 謝謝你 非常感謝 對 對的 沒錯 知道了 再見 掰掰 你們好 不客氣 沒關係
  안녕 안녕하세요 안녕히계세요 안녕히가세요 감사합니다 고마워 고마워요 고맙습니다 네 예 응 아니요 아니 알겠습니다
  알겠어요 알았어 좋아 좋아요 좋네요 그래 그래요 대박 잘자 잘가 미안해 죄송합니다 반갑습니다
  สวัสดี สวัสดีครับ สวัสดีค่ะ ขอบคุณ ขอบคุณครับ ขอบคุณค่ะ ขอบคุณมาก ครับ ค่ะ ใช่ ใช่ครับ ใช่ค่ะ ไม่ โอเค ตกลง ได้ครับ ได้ค่ะ`
    .split(/\s+/)
    .join('|')})+$`,
  'u',
)
