/**
 * Positions for the nodes of a graph: connected ones near each other, others apart. The same graph always gets the same
 * picture.
 * @param {string[]} ids
 * @param {{ from: string, to: string }[]} edges between these ids
 * @param {{ width: number, height: number, margin: number }} frame in pixels
 * @returns {Map<string, { x: number, y: number }>}
 */
export function layOut(ids, edges, frame) {
  const points = ids.map((_, i) => spiral(i))
  const numbers = new Map(ids.map((id, i) => [id, i]))
  const links = edges.map(({ from, to }) => [numbers.get(from) ?? 0, numbers.get(to) ?? 0])
  for (let step = 0; step < STEPS; step++) {
    const moves = points.map(({ x, y }) => ({ x: -x * GRAVITY, y: -y * GRAVITY }))
    repel(points, moves)
    for (const [a, b] of links) attract(points, moves, a, b)
    const limit = LENGTH * (1 - step / STEPS)
    for (const [i, move] of moves.entries()) {
      const size = Math.hypot(move.x, move.y)
      const factor = size > limit ? limit / size : 1
      points[i].x += move.x * factor
      points[i].y += move.y * factor
    }
  }
  const placeX = fitter(
    points.map(({ x }) => x),
    frame.width,
    frame.margin,
  )
  const placeY = fitter(
    points.map(({ y }) => y),
    frame.height,
    frame.margin,
  )
  return new Map(ids.map((id, i) => [id, { x: placeX(points[i].x), y: placeY(points[i].y) }]))
}

/** Distance of two connected nodes without any others, in pixels. */
const LENGTH = 150
/** Distance at which nodes no longer push each other away. */
const REACH = 4 * LENGTH
const STEPS = 250
const GRAVITY = 0.03
/** Most by which a small graph is enlarged. */
const MAX_SCALE = 1.6

/** Maps positions to those in the frame, with the middle in the middle. @param {number[]} values @param {number} length @param {number} margin */
function fitter(values, length, margin) {
  const low = Math.min(...values)
  const high = Math.max(...values)
  const scale = Math.min(MAX_SCALE, (length - 2 * margin) / (high - low || 1))
  return (/** @type {number} */ value) => length / 2 + (value - (low + high) / 2) * scale
}

/** Starting positions: all different, the first node in the middle. @param {number} i */
function spiral(i) {
  const angle = i * 2.39996
  return { x: LENGTH * Math.sqrt(i) * Math.cos(angle), y: LENGTH * Math.sqrt(i) * Math.sin(angle) }
}

/** @param {{ x: number, y: number }[]} points @param {{ x: number, y: number }[]} moves */
function repel(points, moves) {
  for (let i = 0; i < points.length; i++) {
    for (let j = 0; j < i; j++) {
      const dx = points[i].x - points[j].x
      const dy = points[i].y - points[j].y
      const square = dx * dx + dy * dy
      // Parts that are not connected stay near each other.
      if (square > REACH ** 2) continue
      const force = LENGTH ** 2 / Math.max(1, square)
      moves[i].x += dx * force
      moves[i].y += dy * force
      moves[j].x -= dx * force
      moves[j].y -= dy * force
    }
  }
}

/** @param {{ x: number, y: number }[]} points @param {{ x: number, y: number }[]} moves @param {number} a @param {number} b */
function attract(points, moves, a, b) {
  const dx = points[b].x - points[a].x
  const dy = points[b].y - points[a].y
  const force = Math.hypot(dx, dy) / LENGTH / 2
  moves[a].x += dx * force
  moves[a].y += dy * force
  moves[b].x -= dx * force
  moves[b].y -= dy * force
}
