import { AROUND, WRAPPED } from './around.ts'
import { type BadAnswer, spoilt } from './bad-answer.ts'
import { CUTS } from './cuts.ts'
import { WITHOUT_FACTS } from './refusals.ts'
import { SHAPES } from './shapes.ts'
import { SYNTAX } from './syntax.ts'
import { latinTalks, otherTalks } from './talks.ts'
import { WRONG } from './wrong.ts'

/** Answers of weak models: some hand-written, most made from good answers. */
export const CORPUS: readonly BadAnswer[] = [
  ...spoilt('surrounded', AROUND, latinTalks, otherTalks),
  ...spoilt('wrapped', WRAPPED, latinTalks, otherTalks),
  ...spoilt('syntax', SYNTAX, latinTalks, otherTalks),
  ...spoilt('shapes', SHAPES, latinTalks, otherTalks),
  ...CUTS,
  ...WITHOUT_FACTS,
  ...WRONG,
]
