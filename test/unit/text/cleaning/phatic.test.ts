import { describe, expect, it } from 'vitest'
import { isPhatic } from '../../../../sidecar/text/cleaning/phatic.ts'

describe('isPhatic', () => {
  it.each([
    ...[
      'Noted, thank you.',
      'Recorded.',
      "Got it! I'll remember that.",
      'I’ve noted that. Thanks for letting me know!',
    ],
    ...[
      'Hello!',
      'OK',
      'Okay, great!',
      "You're welcome. Is there anything else I can help you with?",
      'Sure.',
    ],
    ...[
      '了解です',
      '了解です。ありがとうございます！',
      'かしこまりました。',
      'OK、承知しました。',
      '記録しました。',
    ],
    ...['好的', '好的，我记住了。', '收到！', '明白了，谢谢。', '已记录。', '好的，我會記住的。'],
    ...['알겠습니다', '네, 알겠습니다!', '감사합니다.', '기록해 두었습니다.', '기억해둘게요'],
    ...['Alles klar', 'Alles klar, danke!', 'Notiert.', 'Das merke ich mir.', 'Verstanden, vielen Dank.'],
    ...['De acuerdo', 'De acuerdo, gracias.', 'Anotado.', 'Lo tendré en cuenta.', '¡Vale, perfecto!'],
    ...["D'accord, merci.", 'C’est noté.', "Je m'en souviendrai.", 'Bien reçu, merci beaucoup !'],
    ...['Anotado, obrigado!', 'Entendido.', 'Está bem, vou lembrar disso.'],
    ...['Понял, спасибо.', 'Записала.', 'Хорошо, я запомню.', 'Принято!'],
    ...['Thanks 👍', '[image]', '[image]\n[binary 60 kB]', '', '  \n'],
  ])('is true for %j', (content) => {
    expect(isPhatic(content, { answersQuestion: false })).toBe(true)
  })

  it.each([
    ...[
      'Yes.',
      'No',
      'はい',
      'いいえ',
      '是的',
      '不是',
      '네',
      '아니요',
      'Ja',
      'Nein',
      'Sí',
      'Oui',
      'Non',
      'Sim',
      'Да',
      'Нет',
    ],
    ...[
      'Exactly.',
      '嗯',
      '对',
      'そうです',
      '맞아요',
      'Genau.',
      'Claro',
      'Угу',
      'Noted: you are allergic to nuts.',
      'Thanks, I moved to Oslo.',
      'Hello, I am Ada.',
      'Call me OK.',
      '👍',
      '👎',
    ],
    ...[
      '好的，我住在北京。',
      '了解です、京都ですね。',
      'Tea',
      'A+',
      '42',
      'C#',
      '…',
      'Good dog food',
      'So much snow',
    ],
    ...['[image] of my cat', 'Я понял, что люблю чай.', 'Alles klar, ich wohne in Bonn.'],
  ])('is false for %j', (content) => {
    expect(isPhatic(content, { answersQuestion: false })).toBe(false)
  })

  it.each(['OK', 'Sure.', 'Great!', '好的', '대박', 'Claro', "D'accord", 'Хорошо', 'Nice'])(
    'is false for %j where it answers a question',
    (content) => {
      expect(isPhatic(content, { answersQuestion: true })).toBe(false)
    },
  )
})
