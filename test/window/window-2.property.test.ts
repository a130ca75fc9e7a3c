import { testSchedules } from './schedules/property.ts'

testSchedules(2)
