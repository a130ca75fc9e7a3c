/*
 * node scripts/emoji-keywords.ts FOLDER
 *
 * Writes sidecar/text/data/emoji-keywords/ from the npm package cldr-annotations-full (Unicode CLDR, licence
 * Unicode-3.0), unpacked into FOLDER. One string per emoji: the index terms of its keywords.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { termOf } from '../sidecar/text/related/related-words.ts'

const LANGUAGES = ['de', 'en', 'es', 'fr', 'it', 'ja', 'ko', 'nl', 'pt', 'ru', 'zh']

interface Annotation {
  default?: string[]
  tts?: string[]
}

const [folder] = process.argv.slice(2)
if (folder === undefined)
  throw new Error('FOLDER: expected the unpacked package cldr-annotations-full, got nothing')
for (const language of LANGUAGES) {
  const file = join(folder, 'annotations', language, 'annotations.json')
  const { annotations } = JSON.parse(readFileSync(file, 'utf8')) as {
    annotations: { annotations: Record<string, Annotation> }
  }
  const keywords = Object.values(annotations.annotations).map(({ default: tags = [], tts = [] }) =>
    [...new Set([...tags, ...tts].flatMap((tag) => termOf(tag, language) ?? []))].join(' '),
  )
  const target = new URL(`../sidecar/text/data/emoji-keywords/${language}.json`, import.meta.url)
  writeFileSync(target, `${JSON.stringify(keywords.filter((line) => line.includes(' ')))}\n`)
}
