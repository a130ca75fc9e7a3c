import type { Language } from './language.ts'

export interface Cues {
  /** Speaks of the speaker ("I", "our"). */
  first: boolean
  /** Speaks of the listener ("you", "your"). */
  second: boolean
  /** Names a moment ("yesterday", "last May", "since Friday"). */
  moment: boolean
  /** Has a number written as a word. */
  number: boolean
}

/** Small words that tell what a text is about. `normal` and `words` must be normalised. */
export function cuesOf(normal: string, words: readonly string[], language: Language): Cues {
  const table = TABLES.get(language)
  const has = (cue: keyof Cues) =>
    (table !== undefined && words.some((word) => table[cue].has(word))) || UNSPACED[cue].test(normal)
  return { first: has('first'), second: has('second'), moment: has('moment'), number: has('number') }
}

type Lists = Record<keyof Cues, string>

const LISTS: Record<string, Lists> = {
  english: {
    first: `i me my mine myself i'm i've i'd i'll we us our ours we're we've we'd`,
    second: `you your yours yourself you're you've you'd you'll`,
    moment: `yesterday today tonight tomorrow ago recently lately weekend since earlier last next monday tuesday
      wednesday thursday friday saturday sunday january february march april june july august september october
      november december`,
    number: `one two three four five six seven eight nine ten eleven twelve dozen hundred thousand once twice couple`,
  },
  french: {
    first: `je j'ai j'étais moi mon ma mes nous notre nos`,
    second: `tu toi ton ta tes vous votre vos`,
    moment: `hier aujourd'hui demain récemment dernier dernière prochain prochaine lundi mardi mercredi jeudi vendredi
      samedi dimanche janvier février mars avril mai juin juillet août septembre octobre novembre décembre`,
    number: `deux trois quatre cinq six sept huit neuf dix`,
  },
  german: {
    first: `ich mich mir mein meine meinen meinem meiner wir uns unser unsere`,
    second: `du dich dir dein deine deinen deiner ihr euch`,
    moment: `gestern heute morgen neulich kürzlich letzte letzten letztes letzter nächste nächsten nächstes montag
      dienstag mittwoch donnerstag freitag samstag sonntag januar februar märz april juni juli august september oktober
      november dezember`,
    number: `zwei drei vier fünf sechs sieben acht neun zehn`,
  },
  spanish: {
    first: `yo mi mis mí me conmigo nosotros nuestra nuestro`,
    second: `tú tu tus te ti contigo usted ustedes`,
    moment: `ayer hoy mañana anoche recientemente pasado pasada próximo próxima hace lunes martes miércoles jueves viernes
      sábado domingo enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre`,
    number: `dos tres cuatro cinco seis siete ocho nueve diez`,
  },
  italian: {
    first: `io mio mia miei mie noi nostro nostra mi`,
    second: `tu tuo tua tuoi voi vostro ti`,
    moment: `ieri oggi domani recentemente scorso scorsa prossimo prossima fa lunedì martedì mercoledì giovedì venerdì
      sabato domenica`,
    number: `due tre quattro cinque sei sette otto nove dieci`,
  },
  portuguese: {
    first: `eu meu minha meus minhas nós nosso nossa me`,
    second: `você vocês teu tua seu sua te`,
    moment: `ontem hoje amanhã passado passada próximo próxima segunda terça quarta quinta sexta sábado domingo`,
    number: `dois duas três quatro cinco seis sete oito nove dez`,
  },
  dutch: {
    first: `ik mijn mij wij we ons onze`,
    second: `jij je jou jouw jullie`,
    moment: `gisteren vandaag morgen onlangs vorige volgende geleden maandag dinsdag woensdag donderdag vrijdag zaterdag
      zondag`,
    number: `twee drie vier vijf zes zeven acht negen tien`,
  },
  russian: {
    first: `я меня мне мной мой моя моё мои мы нас нам наш наша`,
    second: `ты тебя тебе твой твоя вы вас вам ваш`,
    moment: `вчера сегодня завтра недавно назад прошлом прошлой прошлый следующий понедельник вторник среду четверг пятницу
      субботу воскресенье`,
    number: `два две три четыре пять шесть семь восемь девять десять`,
  },
  arabic: {
    first: `انا نحن لي عندي`,
    second: `انت انتم لك عندك`,
    moment: `امس اليوم غدا الماضي الماضيه القادم`,
    number: `اثنان ثلاثه اربعه خمسه سته سبعه ثمانيه تسعه عشره`,
  },
}

/** Japanese, Chinese, Korean and Thai, found inside the text: there are no spaces to go by. */
const UNSPACED: Record<keyof Cues, RegExp> = {
  first: /私|僕|俺|我|咱|나는|나의|내가|제가|저는|저의|우리|ฉัน|ผม|เรา/u,
  second: /あなた|君|你|您|너는|네가|당신|คุณ|เธอ/u,
  moment:
    /昨日|今日|明日|先週|来週|先月|来月|去年|昨年|最近|昨夜|週末|昨天|今天|明天|上周|下周|上週|下週|上个月|上個月|周末|前天|刚刚|剛剛|어제|오늘|내일|지난|다음|최근|작년|주말|เมื่อวาน|วันนี้|พรุ่งนี้|ที่แล้ว|ล่าสุด/u,
  number: /[二三四五六七八九十百千两兩]|하나|다섯|여섯|일곱|여덟|아홉|สอง|สาม|สี่|ห้า/u,
}

const TABLES = new Map(
  Object.entries(LISTS).map(([language, lists]) => {
    const set = (cue: keyof Cues) => new Set(lists[cue].split(/\s+/))
    return [
      language,
      { first: set('first'), second: set('second'), moment: set('moment'), number: set('number') },
    ]
  }),
)
