import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { askingShare, asks, merelyAsks } from '../../../../sidecar/text/asking/asking.ts'

const MERE = {
  en: [
    'What should I cook tonight?',
    'How do I fold a fitted sheet?',
    'Can you recommend a good book?',
    "What's the capital of Norway?",
    'So, what should we have for dinner, pasta or rice?',
    'What is my blood type?',
    'Where did I put my keys?',
    'Do you remember my birthday?',
    'If it rains tomorrow, what should we do?',
    'What can I cook in 20 minutes?',
    'which is faster, a bus or a tram?',
    'how do i get rid of fruit flies',
    'I have a question: how long does rice keep?',
    'Are you allergic to penicillin?',
    'Who won the 2022 World Cup?',
    'Is it going to rain today?',
    'What did I tell you about my job?',
  ],
  de: [
    'Was soll ich heute kochen?',
    'Wie lange muss Reis kochen?',
    'Kannst du mir ein gutes Buch empfehlen?',
    'Wie heißt die Hauptstadt von Norwegen?',
    'Wann ist mein Termin?',
    'Weißt du noch, wann mein Geburtstag ist?',
    'Was ist der Unterschied zwischen Butter und Margarine?',
    'Und was mache ich, wenn es regnet?',
    'was soll ich heute anziehen',
    'Nimmst du Milch in den Kaffee?',
  ],
  es: [
    '¿Qué ceno hoy?',
    '¿Cómo se dobla una sábana ajustable?',
    '¿Me recomiendas un buen libro?',
    '¿Cuál es la capital de Noruega?',
    '¿Cuándo es mi cita?',
    'Oye, ¿qué tiempo hará mañana?',
    '¿Sabes cuál es mi grupo sanguíneo?',
    'Por cierto, ¿cuánto dura el arroz cocido?',
    '¿Qué puedo hacer si llueve?',
    'cómo quito una mancha de vino',
  ],
  ja: [
    '夕飯は何がいい？',
    '今夜は、何を食べようか？',
    'おすすめの本はありますか？',
    'ノルウェーの首都はどこですか？',
    '私の血液型は何？',
    '私の誕生日を覚えてる？娘の名前は何だっけ？',
    'ご飯は何分炊けばいいですか。',
    '質問なんだけど、切手はどこで買える？',
    'もし雨だったら、どうする？',
    '明日の天気はどうかな',
    'ペニシリンのアレルギーはありますか？',
  ],
  zh: [
    '今晚吃什么？',
    '怎么叠床单？',
    '你能推荐一本好书吗？',
    '挪威的首都是哪里？',
    '我的血型是什么？',
    '我今晚应该做什么菜？',
    '请问，附近有地铁站吗？',
    '如果下雨，怎么办？',
    '米饭要煮多久',
    '你对青霉素过敏吗？',
  ],
  ko: [
    '오늘 저녁 뭐 먹을까?',
    '이불은 어떻게 개나요?',
    '좋은 책 추천해 줄래?',
    '노르웨이의 수도는 어디예요?',
    '내 혈액형이 뭐야?',
    '우리 오늘 뭐 먹지?',
    '그런데 우표는 어디서 사요?',
    '내 생일이 언제야?',
    '밥은 몇 분 끓여야 할까요',
    '페니실린 알레르기 있으세요?',
  ],
}

const FACTS = {
  en: [
    "I'm vegetarian, what should I cook tonight?",
    'Can I eat shrimp with my shellfish allergy?',
    'What should I give my daughter for her birthday?',
    'My dog Bello is coughing, what now?',
    "What can I eat now that I'm diabetic?",
    'Which wine goes with fish, since I hate Riesling?',
    'Is it bad that I sleep four hours?',
    'Can I still fly to Rome on Friday?',
    'what can i make, i have two eggs and some rice?',
    'The landlord wants the flat back in May, what can a tenant do?',
    'I was ill in March – do I need a certificate?',
    'Did I tell you I moved to Oslo?',
    'As a diabetic, can I eat mango?',
    'my cat threw up twice today should i worry?',
    'Would a 2019 Civic suit me, given I drive 60 km a day?',
  ],
  de: [
    'Mein Hund Bello hustet, was tun?',
    'Ich bin Vegetarier, was soll ich heute kochen?',
    'Bin Diabetiker, was darf ich essen?',
    'Was kann ich essen, weil ich Zöliakie habe?',
    'Darf ich mit meiner Nussallergie Marzipan essen?',
    'Was schenke ich meiner Tochter Lina?',
    'Ich wohne seit Mai in Bremen – wo melde ich mich an?',
    'Der Vermieter kündigt uns zum Mai, was können wir tun?',
    'Darf ich als Diabetiker Mango essen?',
    'Was mache ich, wenn ich keine Milch vertrage?',
  ],
  es: [
    'Soy celíaca, ¿qué ceno hoy?',
    '¿Qué puedo comer si soy celíaca?',
    '¿Puedo comer gambas con mi alergia al marisco?',
    'Mi perro Toby tose, ¿qué hago?',
    '¿Qué le regalo a mi hija Lucía?',
    'Tengo dos huevos y arroz ¿qué cocino?',
    'Vivo en Vigo desde mayo, ¿dónde me empadrono?',
    '¿Qué vino compro, ya que odio el tinto?',
    'Como soy diabético, ¿puedo comer mango?',
    'El casero quiere el piso en mayo, ¿qué podemos hacer?',
  ],
  ja: [
    '小麦アレルギーなんだけど、夕飯は何がいい？',
    'ベジタリアンなので夕飯は何がいいですか？',
    '甲殻類アレルギーでもエビを食べられますか？',
    '卵を切らしていて、代わりに何が使える？',
    '娘の誕生日に何をあげたらいい？',
    '先月大阪に引っ越しました、転入届はどこで出せますか？',
    '私の猫が咳をしています、どうしたらいい？',
    '妊娠中だから、コーヒーは控えた方がいい？',
    '夜勤明けですが、何時に寝るべきですか？',
  ],
  zh: [
    '我吃素，今晚做什么好？',
    '我对海鲜过敏能吃虾吗？',
    '我是素食者今晚吃什么？',
    '给我女儿买什么生日礼物好？',
    '我的狗一直咳嗽怎么办？',
    '我刚搬到杭州，去哪里办居住证？',
    '家里只有鸡蛋和米饭，能做什么？',
    '我在減肥，晚飯吃什麼好？',
    '房东五月要收回房子，怎么办？',
  ],
  ko: [
    '밀가루 알레르기가 있는데 저녁 뭐 먹을까?',
    '채식주의자인데 뭐 먹지?',
    '저는 당뇨가 있어서 뭘 먹어야 할까요?',
    '우리 딸 생일 선물로 뭐가 좋을까?',
    '제 강아지가 기침을 하는데 어떡하죠?',
    '지난달에 부산으로 이사했어요, 전입신고는 어디서 하나요?',
    '갑각류 알레르기가 있는 제가 새우를 먹어도 되나요?',
    '유당불내증이라 뭘 마셔야 해요?',
    '고양이가 오늘 두 번 토했어 괜찮을까?',
    '임신 중이라서 커피 마셔도 될까요?',
    '계란이 없지만 케이크를 만들 수 있을까?',
  ],
}

const casesOf = (table: Record<string, string[]>) =>
  Object.entries(table).flatMap(([language, texts]) => texts.map((text) => [language, text] as const))

describe('questions', () => {
  it.each(casesOf(MERE))('merely asks (%s): %s', (_language, text) => {
    expect(askingShare(text)).toBe(1)
  })

  it.each(casesOf(FACTS))('asks and states a fact (%s): %s', (_language, text) => {
    expect(asks(text)).toBe(true)
    expect(merelyAsks(text)).toBe(false)
  })

  it.each([
    'I moved to Oslo in May.',
    'What a lovely day!',
    'What I love is sushi.',
    'Do it tomorrow.',
    'Should you need help, call 555.',
    'Wer wagt, gewinnt.',
    'Como siempre a las dos.',
    '昨日は雨でした。',
    '引っ越したばかりですから。',
    '我喜欢茶呢。',
    '친구를 만나요.',
    '학교에 가요.',
  ])('does not ask: %s', (text) => {
    expect(asks(text)).toBe(false)
    expect(askingShare(text)).toBe(0)
  })
})

describe('askingShare', () => {
  it.each([
    ['', 0],
    ['Hi! What should I cook tonight? Thanks!', 1],
    ['¿Qué ceno hoy? Soy celíaca.', 0.5],
    ['I like tea. What do you like? I also like rain. And you?', 0.5],
  ])('of %j is %d', (text, share) => {
    expect(askingShare(text)).toBe(share)
  })

  it('is between 0 and 1 for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 400 }), (text) => {
        const share = askingShare(text)
        expect(share >= 0 && share <= 1).toBe(true)
      }),
    )
  })

  it.each(['what is i ', '私の', '我的', '내 ', '¿mi ', 'a,', '、', ' if', 'だけど', '?'])(
    'takes linear time for 100,000 repetitions of %j',
    (unit) => {
      // Quadratic time would exceed the timeout of the test.
      askingShare(`${unit.repeat(100_000)}?`)
    },
  )
})
