import { expect, test } from 'vitest'
import { groundedIn } from '../../../../sidecar/experiments/grounding/grounded-in.ts'
import { GroundingIndex } from '../../../../sidecar/experiments/grounding/grounding-index.ts'

interface Case {
  language: string
  memories: string[]
  question: string
  /** The answer and the positions of the memories that it drew on. */
  answers: [answer: string, sources: number[]][]
}

const CASES: Case[] = [
  {
    language: 'English',
    memories: [
      'My rescued greyhound used to race as Tuppenny Hurricane.',
      "I'm allergic to penicillin, it gives me a rash.",
      'We moved to Meersbrook in March.',
      'My brother Rory is getting married in Edinburgh.',
      'I take the bus because I do not drive on motorways.',
    ],
    question: 'What was my dog called on the track?',
    answers: [
      ['He ran as Tuppenny Hurricane, quite a name for such a calm boy!', [0]],
      ['Tell them about the penicillin rash. Rory marries in Edinburgh, by the way.', [1, 3]],
      ['I do not know what your dog was called on the track.', []],
      ['Sorry, no idea. Would you like me to help with something else?', []],
    ],
  },
  {
    language: 'German',
    memories: [
      'Ich nehme morgens L-Thyroxin 75 µg nüchtern.',
      'Für Bernd habe ich ein Fernglas bestellt, 8×42.',
      'Auf Penicillin bekomme ich am ganzen Körper Quaddeln.',
      'Wir haben jetzt sechs Bienenvölker im Garten.',
    ],
    question: 'Was bekommt Bernd zum Geburtstag?',
    answers: [
      ['Ein Fernglas, und zwar das 8×42.', [1]],
      ['Bei Penicillin reagieren Sie mit Quaddeln.', [2]],
      ['Das haben Sie mir noch nicht gesagt.', []],
    ],
  },
  {
    language: 'Spanish',
    memories: [
      'El bajo lo llevo a medias con Chusa, que restaura muebles.',
      'La porcelana la subo a 1.232 ºC.',
      'Mi primo Fermín pone los brazos en la mudanza.',
      'La feria de Muel pasa al 16 de mayo.',
    ],
    question: '¿Con quién comparto el local?',
    answers: [
      ['Con Chusa, la que restaura muebles.', [0]],
      ['Para la porcelana, 1.232 ºC como siempre.', [1]],
      ['No me lo has contado todavía.', []],
    ],
  },
  {
    language: 'Japanese',
    memories: [
      'お正月に階段で滑って尾てい骨にひびが入りました。',
      '六月から卯辰大学の付属図書館で働きます。',
      '奈良漬けで赤くなるくらいお酒が飲めない体質です。',
      '『鍵穴の冬』を読了しました。',
    ],
    question: 'いまの勤め先はどこ？',
    answers: [
      ['卯辰大学の付属図書館です。', [1]],
      ['尾てい骨のひびはもう治りましたか。', [0]],
      ['すみません、まだ聞いていません。', []],
    ],
  },
  {
    language: 'Chinese',
    memories: [
      '我头孢过敏，上回拔智齿起了一身疹子。',
      '小周今天又从我这儿借走五百块。',
      '我们搬到三圣乡了，前面是一片花田。',
      '我爸做了白内障手术。',
    ],
    question: '看病时我要避开哪种药？',
    answers: [
      ['记得告诉医生头孢过敏。', [0]],
      ['你在三圣乡，门口就是花田。', [2]],
      ['这个你还没有说过。', []],
    ],
  },
  {
    language: 'Korean',
    memories: [
      '수민이는 복숭아 알레르기가 있어요.',
      '남편은 지금 함부르크에 있대요.',
      '수민이는 태권도 학원에 다녀요.',
      '시어머니는 새벽마다 절에 가세요.',
    ],
    question: '케이크에 뭘 넣으면 안 되죠?',
    answers: [
      ['복숭아는 피하세요. 알레르기가 있잖아요.', [0]],
      ['태권도 학원이요.', [2]],
      ['그건 아직 말씀하지 않으셨어요.', []],
    ],
  },
]

for (const { language, memories, question, answers } of CASES) {
  const given = memories.map((text, i) => ({ id: String(i), text, context: null }))
  test.each(answers)(`${language}: %s`, (answer, sources) => {
    expect(groundedIn({ answer, question }, given).sort()).toEqual(sources.map(String).sort())
  })
}

const memory = (id: string, text: string, context: string | null = null) => ({ id, text, context })

test('repeating the question proves nothing', () => {
  const memories = [memory('a', 'I adopted a greyhound.'), memory('b', 'I like tea.')]
  expect(groundedIn({ question: 'Is a greyhound calm?', answer: 'A greyhound is calm.' }, memories)).toEqual(
    [],
  )
})

test('an empty answer and an empty scope draw on nothing', () => {
  expect(groundedIn({ question: 'Where?', answer: '' }, [memory('a', 'I live in Kyoto.')])).toEqual([])
  expect(groundedIn({ question: 'Where?', answer: 'In Kyoto.' }, [])).toEqual([])
})

test('a short answer is matched by the question that it answers', () => {
  const memories = [memory('a', 'Yes.', 'Are you allergic to shellfish?'), memory('b', 'I live in Kyoto.')]
  const spoken = { question: 'Any advice for tonight?', answer: 'No shellfish!' }
  expect(groundedIn(spoken, memories)).toEqual(['a'])
})

test('a word that most memories contain proves nothing', () => {
  const memories = Array.from({ length: 30 }, (_, i) => memory(String(i), `Pickle did trick number ${i}.`))
  expect(groundedIn({ question: 'How is he?', answer: 'Pickle is fine.' }, memories)).toEqual([])
})

test('the index forgets removed and replaced memories, and names the words', () => {
  const index = new GroundingIndex()
  index.add(memory('a', 'I live in Kyoto.'))
  index.add(memory('b', 'I play the cello.'))
  const spoken = { question: 'Where do I live?', answer: 'You live in Kyoto.' }
  expect(index.groundedIn(spoken)).toEqual([{ id: 'a', words: ['kyoto'] }])
  index.add(memory('a', 'I live in Osaka.'))
  expect(index.groundedIn(spoken)).toEqual([])
  index.remove('a')
  expect(index.groundedIn({ ...spoken, answer: 'Osaka' })).toEqual([])
})

test('reads a bounded part of a huge answer', () => {
  const index = new GroundingIndex()
  index.add(memory('a', 'I live in Kyoto.'))
  const answer = `${'Lorem ipsum dolor sit amet. '.repeat(100_000)}Kyoto.`
  expect(index.groundedIn({ question: 'Where?', answer })).toEqual([])
})

test('a word is not common because it is in two of three memories', () => {
  const memories = [
    memory('a', 'My rescued greyhound used to race as Tuppenny Hurricane.'),
    memory('b', 'Tuppenny Hurricane!'),
    memory('c', "I'm allergic to penicillin."),
  ]
  const question = 'What was my greyhound called in a race?'
  expect(groundedIn({ question, answer: 'Tuppenny Hurricane.' }, memories)).toEqual(['a', 'b'])
})
