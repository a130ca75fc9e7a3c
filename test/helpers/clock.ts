/** A clock that moves only through `advance`. Milliseconds. */
export interface Clock {
  now: () => number
  advance: (milliseconds: number) => void
}

export function stoppedClock(start = Date.parse('2026-03-01T09:00:00Z')): Clock {
  let time = start
  return {
    now: () => time,
    advance: (milliseconds) => {
      time += milliseconds
    },
  }
}
