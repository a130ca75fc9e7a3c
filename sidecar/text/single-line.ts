import lookAlikes from './data/fence-look-alikes.json' with { type: 'json' }

/** Characters that show nothing or only white space: a reader skips them between the letters of a tag. */
const BLANK = '[\\s\\p{C}\\p{M}\\p{Default_Ignorable_Code_Point}\\u2800]*'

function anyOf(character: keyof typeof lookAlikes): string {
  return `[${lookAlikes[character].replace(/[\]\\^-]/g, '\\$&')}]`
}

/** A letter of the tag; `rn` looks like `m`. */
function letter(character: string): string {
  const found = anyOf(character as keyof typeof lookAlikes)
  return character === 'm' ? `(?:${found}|${anyOf('r')}${BLANK}${anyOf('n')})` : found
}

/** `<memories` or `</memories`, also escaped, in look-alike characters, or with invisible ones in between. */
const FENCE_TAG = new RegExp(
  `(?:${anyOf('<')}|&lt;|&#0{0,6}60;|&#x0{0,6}3c;)(?=${BLANK}(?:${anyOf('/')}${BLANK})?${[...'memories'].map(letter).join(BLANK)})`,
  'giu',
)

/** Text for one line inside the `<memories>` fence: it can end neither its line nor the fence. */
export function toSingleLine(text: string): string {
  return text
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .replace(FENCE_TAG, '(')
    .trim()
}
