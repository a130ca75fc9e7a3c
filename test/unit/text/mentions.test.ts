import { expect, it } from 'vitest'
import { findMentions } from '../../../sidecar/text/relations/mentions.ts'

it.each([
  ['I met Ana Silva in Osaka.', ['Ana Silva', 'Osaka']],
  ['In January I read "The Overstory" twice.', ['The Overstory']],
  ['She said "come home, please." and left.', []],
  ['『海辺のカフカ』を読み、「鍵穴の冬」を観た。', ['海辺のカフカ', '鍵穴の冬']],
  ['先生は「毎日聞きたい」と言った。', []],
  ['我在读《三体》。', ['三体']],
  ['他说“没有养猫经验”。', []],
  ['千草さんに ana@example.com で連絡した。', ['ana@example.com', '千草']],
])('finds the named things of %j: names and titles, not what is quoted as said', (text, names) => {
  expect(
    findMentions(text)
      .map(({ name }) => name)
      .toSorted(),
  ).toEqual(names.toSorted())
})
