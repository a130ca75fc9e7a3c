import { testSchedules } from '../../../helpers/retrieval/window/schedules/property.ts'

testSchedules(1)
