import type { Talk } from './talk.ts'

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
      {
        text: "Ana is a nurse at St Mary's hospital in Lyon.",
        topic: 'work',
        sub_topic: 'employer',
        messages: [1],
        importance: 4,
        event_date: null,
      },
      {
        text: 'Ana is allergic to peanuts.',
        topic: 'health',
        sub_topic: 'allergies',
        messages: [1],
        importance: 5,
        event_date: null,
      },
      {
        text: "Ana's brother Tom gets married on 12 June 2026.",
        topic: 'relationships',
        sub_topic: 'family',
        messages: [3],
        importance: 4,
        event_date: '2026-06-12',
      },
      {
        text: 'Tom calls Ana "little sis".',
        topic: 'relationships',
        sub_topic: 'family',
        messages: [3],
        importance: 2,
        event_date: null,
      },
    ],
    entities: [
      { name: 'Ana', type: 'person' },
      { name: 'Tom', type: 'person' },
      { name: "St Mary's hospital", type: 'organisation' },
    ],
    relations: [
      {
        subject: 'Ana',
        predicate: 'works_at',
        object: "St Mary's hospital",
        messages: [1],
        event_date: null,
      },
      { subject: 'Tom', predicate: 'brother_of', object: 'Ana', messages: [3], event_date: null },
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
      {
        text: 'Léa a déménagé à Nantes en mars 2026.',
        topic: 'life_events',
        sub_topic: 'moves',
        messages: [1],
        importance: 4,
        event_date: '2026-03',
      },
      {
        text: "Léa fait de l'escalade deux fois par semaine avec son ami Hugo.",
        topic: 'interests',
        sub_topic: 'sports',
        messages: [1],
        importance: 3,
        event_date: null,
      },
      {
        text: 'Léa est végétarienne et déteste les champignons.',
        topic: 'preferences',
        sub_topic: 'food',
        messages: [3],
        importance: 4,
        event_date: null,
      },
    ],
    entities: [
      { name: 'Nantes', type: 'place' },
      { name: 'Hugo', type: 'person' },
    ],
    relations: [
      { subject: 'Léa', predicate: 'lives_in', object: 'Nantes', messages: [1], event_date: '2026-03' },
    ],
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
      {
        text: 'Jörg hat am 2. Mai 2026 mit dem Studium der Physik in Göttingen angefangen.',
        topic: 'education',
        sub_topic: 'subject',
        messages: [1],
        importance: 4,
        event_date: '2026-05-02',
      },
      {
        text: 'Jörgs Hund Bello zieht mit nach Göttingen um.',
        topic: 'relationships',
        sub_topic: 'pets',
        messages: [1],
        importance: 3,
        event_date: null,
      },
    ],
    entities: [{ name: 'Bello', type: 'pet' }],
    relations: [
      { subject: 'Jörg', predicate: 'studies_in', object: 'Göttingen', messages: [1], event_date: null },
    ],
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
      {
        text: '小明在杭州的一家游戏公司当设计师。',
        topic: 'work',
        sub_topic: 'role',
        messages: [1],
        importance: 4,
        event_date: null,
      },
      {
        text: '小明喜欢喝龙井茶。',
        topic: 'preferences',
        sub_topic: 'food',
        messages: [1],
        importance: 3,
        event_date: null,
      },
      {
        text: '小明2026年6月10日要去成都出差，顺便看姐姐。',
        topic: 'plans',
        sub_topic: 'appointments',
        messages: [3],
        importance: 4,
        event_date: '2026-06-10',
      },
      {
        text: '小明的姐姐说“一定要来吃火锅”。',
        topic: 'relationships',
        sub_topic: 'family',
        messages: [3],
        importance: 2,
        event_date: null,
      },
    ],
    entities: [
      { name: '杭州', type: '地点' },
      { name: '成都', type: '地点' },
    ],
    relations: [{ subject: '小明', predicate: '居住于', object: '杭州', messages: [1], event_date: null }],
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
      {
        text: '健太は2026年4月下旬から大阪の図書館で働いている。',
        topic: 'work',
        sub_topic: 'employer',
        messages: [1],
        importance: 4,
        event_date: '2026-04',
      },
      {
        text: '健太の趣味は写真で、古いライカを使っている。',
        topic: 'interests',
        sub_topic: 'hobbies',
        messages: [1],
        importance: 3,
        event_date: null,
      },
      {
        text: '健太は猫アレルギーで、猫カフェが苦手だ。',
        topic: 'health',
        sub_topic: 'allergies',
        messages: [3],
        importance: 5,
        event_date: null,
      },
    ],
    entities: [{ name: 'ライカ', type: '製品' }],
    relations: [{ subject: '健太', predicate: '勤務先', object: '図書館', messages: [1], event_date: null }],
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
      {
        text: '민수는 부산에 살고 딸이 두 명 있다.',
        topic: 'relationships',
        sub_topic: 'family',
        messages: [1],
        importance: 4,
        event_date: null,
      },
      {
        text: '민수는 2026년 6월에 제주도로 이사할 예정이다.',
        topic: 'plans',
        sub_topic: 'goals',
        messages: [1],
        importance: 4,
        event_date: '2026-06',
      },
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
      {
        text: 'Олег — программист из Казани.',
        topic: 'work',
        sub_topic: 'role',
        messages: [1],
        importance: 4,
        event_date: null,
      },
      {
        text: 'Олег каждое утро бегает пять километров.',
        topic: 'health',
        sub_topic: 'habits',
        messages: [1],
        importance: 3,
        event_date: null,
      },
      {
        text: 'Олег не пьёт кофе, только чай.',
        topic: 'preferences',
        sub_topic: 'food',
        messages: [1],
        importance: 3,
        event_date: null,
      },
    ],
    entities: [{ name: 'Казань', type: 'место' }],
    relations: [{ subject: 'Олег', predicate: 'живёт_в', object: 'Казань', messages: [1], event_date: null }],
    summary: 'Олег, программист из Казани, бегает по утрам.',
  },
}

export const arabic: Talk = {
  language: 'Arabic',
  user: 'سارة',
  lines: ['أنا طبيبة أسنان في القاهرة، وعندي ولدان، وأحب القراءة كثيرا.', 'تشرفت بمعرفتك!'],
  good: {
    facts: [
      {
        text: 'سارة طبيبة أسنان في القاهرة.',
        topic: 'work',
        sub_topic: 'role',
        messages: [1],
        importance: 4,
        event_date: null,
      },
      {
        text: 'سارة عندها ولدان وتحب القراءة كثيرا.',
        topic: 'relationships',
        sub_topic: 'family',
        messages: [1],
        importance: 3,
        event_date: null,
      },
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
