import { fact, relation, type Talk } from './talk.ts'

export const english: Talk = {
  language: 'English',
  user: 'Ana',
  lines: [
    "Hi! I'm a nurse at St Mary's hospital in Lyon, and I'm allergic to peanuts.",
    'Nice to meet you, Ana! What can I do for you?',
    'My brother Tom gets married on 12 June, could you help me with a speech? He calls me "little sis".',
    'Of course! How long should it be?',
  ],
  good: {
    facts: [
      fact("Ana is a nurse at St Mary's hospital in Lyon.", 'work/employer', 1, 4),
      fact('Ana is allergic to peanuts.', 'health/allergies', 1, 5),
      fact("Ana's brother Tom gets married on 12 June 2026.", 'relationships/family', 3, 4, '2026-06-12'),
      fact('Tom calls Ana "little sis".', 'relationships/family', 3, 2),
    ],
    entities: [
      { name: 'Ana', type: 'person' },
      { name: 'Tom', type: 'person' },
      { name: "St Mary's hospital", type: 'organisation' },
    ],
    relations: [
      relation('Ana', 'works_at', "St Mary's hospital", 1),
      relation('Tom', 'brother_of', 'Ana', 3),
    ],
    summary: 'Ana, a nurse in Lyon, asks for help with a speech for the wedding of her brother Tom.',
  },
}

export const french: Talk = {
  language: 'French',
  user: 'Léa',
  lines: [
    "J'ai déménagé à Nantes en mars, et je fais de l'escalade deux fois par semaine avec mon ami Hugo.",
    'Super ! Que puis-je faire pour vous ?',
    "Je cherche une recette. Je suis végétarienne et je déteste les champignons, c'est important.",
    'Voici une idée de gratin.',
  ],
  good: {
    facts: [
      fact('Léa a déménagé à Nantes en mars 2026.', 'life_events/moves', 1, 4, '2026-03'),
      fact("Léa fait de l'escalade deux fois par semaine avec son ami Hugo.", 'interests/sports', 1, 3),
      fact('Léa est végétarienne et déteste les champignons.', 'preferences/food', 3, 4),
    ],
    entities: [
      { name: 'Nantes', type: 'place' },
      { name: 'Hugo', type: 'person' },
    ],
    relations: [relation('Léa', 'lives_in', 'Nantes', 1, '2026-03')],
    summary: 'Léa, qui vit à Nantes, cherche une recette végétarienne.',
  },
}

export const german: Talk = {
  language: 'German',
  user: 'Jörg',
  lines: [
    'Ich habe gestern mit dem Studium der Physik in Göttingen angefangen, mein Hund Bello zieht mit um.',
    'Glückwunsch zum Studienbeginn!',
  ],
  good: {
    facts: [
      fact(
        'Jörg hat am 2. Mai 2026 mit dem Studium der Physik in Göttingen angefangen.',
        'education/subject',
        1,
        4,
        '2026-05-02',
      ),
      fact('Jörgs Hund Bello zieht mit nach Göttingen um.', 'relationships/pets', 1, 3),
    ],
    entities: [{ name: 'Bello', type: 'pet' }],
    relations: [relation('Jörg', 'studies_in', 'Göttingen', 1)],
    summary: 'Jörg hat in Göttingen ein Studium der Physik begonnen.',
  },
}

export const chinese: Talk = {
  language: 'Chinese',
  user: '小明',
  lines: [
    '我在杭州的一家游戏公司当设计师，平时喜欢喝龙井茶。',
    '听起来很不错！',
    '下个月十号我要去成都出差，顺便看看我姐姐。她说“一定要来吃火锅”。',
    '祝你一路顺风。',
  ],
  good: {
    facts: [
      fact('小明在杭州的一家游戏公司当设计师。', 'work/role', 1, 4),
      fact('小明喜欢喝龙井茶。', 'preferences/food', 1, 3),
      fact('小明2026年6月10日要去成都出差，顺便看姐姐。', 'plans/appointments', 3, 4, '2026-06-10'),
      fact('小明的姐姐说“一定要来吃火锅”。', 'relationships/family', 3, 2),
    ],
    entities: [
      { name: '杭州', type: '地点' },
      { name: '成都', type: '地点' },
    ],
    relations: [relation('小明', '居住于', '杭州', 1)],
    summary: '小明在杭州做游戏设计师，六月要去成都出差。',
  },
}

export const japanese: Talk = {
  language: 'Japanese',
  user: '健太',
  lines: [
    '先週から大阪の図書館で働き始めました。趣味は写真で、古いライカを使っています。',
    '素敵ですね！',
    '猫アレルギーがあるので、猫カフェは苦手です。',
    '承知しました。',
  ],
  good: {
    facts: [
      fact('健太は2026年4月下旬から大阪の図書館で働いている。', 'work/employer', 1, 4, '2026-04'),
      fact('健太の趣味は写真で、古いライカを使っている。', 'interests/hobbies', 1, 3),
      fact('健太は猫アレルギーで、猫カフェが苦手だ。', 'health/allergies', 3, 5),
    ],
    entities: [{ name: 'ライカ', type: '製品' }],
    relations: [relation('健太', '勤務先', '図書館', 1)],
    summary: '健太は大阪の図書館で働き、写真が趣味。猫アレルギーがある。',
  },
}

export const korean: Talk = {
  language: 'Korean',
  user: '민수',
  lines: [
    '저는 부산에 살고 있고 딸이 두 명 있어요. 다음 달에 제주도로 이사할 거예요.',
    '새 출발을 응원합니다!',
  ],
  good: {
    facts: [
      fact('민수는 부산에 살고 딸이 두 명 있다.', 'relationships/family', 1, 4),
      fact('민수는 2026년 6월에 제주도로 이사할 예정이다.', 'plans/goals', 1, 4, '2026-06'),
    ],
    entities: [{ name: '제주도', type: '장소' }],
    relations: [],
    summary: '민수는 부산에 살며 제주도로 이사할 예정이다.',
  },
}

export const russian: Talk = {
  language: 'Russian',
  user: 'Олег',
  lines: [
    'Я программист из Казани, каждое утро бегаю пять километров. Кофе не пью, только чай.',
    'Отличная привычка!',
  ],
  good: {
    facts: [
      fact('Олег — программист из Казани.', 'work/role', 1, 4),
      fact('Олег каждое утро бегает пять километров.', 'health/habits', 1, 3),
      fact('Олег не пьёт кофе, только чай.', 'preferences/food', 1, 3),
    ],
    entities: [{ name: 'Казань', type: 'место' }],
    relations: [relation('Олег', 'живёт_в', 'Казань', 1)],
    summary: 'Олег, программист из Казани, бегает по утрам.',
  },
}

export const arabic: Talk = {
  language: 'Arabic',
  user: 'سارة',
  lines: ['أنا طبيبة أسنان في القاهرة، وعندي ولدان، وأحب القراءة كثيرا.', 'تشرفت بمعرفتك!'],
  good: {
    facts: [
      fact('سارة طبيبة أسنان في القاهرة.', 'work/role', 1, 4),
      fact('سارة عندها ولدان وتحب القراءة كثيرا.', 'relationships/family', 1, 3),
    ],
    entities: [{ name: 'القاهرة', type: 'مكان' }],
    relations: [],
    summary: 'سارة طبيبة أسنان في القاهرة.',
  },
}

/** Nothing in it is worth keeping. */
export const smallTalk: Talk = {
  language: 'English',
  user: 'Ana',
  lines: [
    'Good morning! How are you?',
    'Fine, thank you! And you?',
    'Great, thanks. What is the capital of Peru?',
    'Lima.',
  ],
  good: { facts: [], entities: [], relations: [], summary: 'Ana asks for the capital of Peru.' },
}

export const latinTalks: readonly Talk[] = [english, french, german]
export const otherTalks: readonly Talk[] = [chinese, japanese, korean, russian, arabic]
export const talks: readonly Talk[] = [...latinTalks, ...otherTalks]
