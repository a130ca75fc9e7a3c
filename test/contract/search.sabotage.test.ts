import { testSaboteurs } from './contract.ts'
import { openSabotagedRecords } from './sabotaged-records.ts'
import { NEIGHBOUR_CASES, SEARCH_CASES } from './search.ts'
import { DEFINITION_CASES } from './search-definition.ts'
import { NEIGHBOUR_SABOTEURS, SEARCH_SABOTEURS } from './search-saboteurs.ts'

testSaboteurs(
  'searches',
  [...SEARCH_CASES, ...DEFINITION_CASES, ...NEIGHBOUR_CASES],
  { ...SEARCH_SABOTEURS, ...NEIGHBOUR_SABOTEURS },
  (sabotage) => openSabotagedRecords(sabotage),
)
