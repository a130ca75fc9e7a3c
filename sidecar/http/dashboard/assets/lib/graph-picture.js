import { append, h, style, svg } from './dom.js'
import { layOut } from './layout.js'
import { t } from './text.js'
import { button } from './widgets.js'

/** Pixels around the outermost nodes, for their labels. */
const MARGIN = 44
const RADIUS = 8
const MAX_LABEL = 22
const MIN_ZOOM = 0.2
const MAX_ZOOM = 4
/** Relations from which only those of the selected entity are labelled. */
const MAX_LABELLED = 40
/** Part of the size of the picture that an arrow key moves. */
const KEY_STEP = 0.1
/** Pixels that a pointer may move during a click. */
const MAX_SHAKE = 5
/** Colours of types in the order of their frequency; further types share the last one. */
const COLOURS = 5

/**
 * @typedef {{ id: string, name: string, type: string, label: string }} Node
 * @typedef {{ id: string, subject: string, object: string, label: string, hasEnded: boolean }} Edge
 */

/**
 * A picture of a graph. Drag or arrow keys move it, the wheel or + and - zoom, 0 shows all; a click or Enter selects.
 * @param {{ label: string, nodes: Node[], edges: Edge[], typeName: (type: string) => string, onSelect: (kind: 'node' | 'edge', id: string) => void }} options
 * @returns {{ element: any, select: (kind: 'node' | 'edge', id: string) => void }}
 */
export function graphPicture({ label, nodes, edges, typeName, onSelect }) {
  const view = { x: 0, y: 0, zoom: 1 }
  const scene = svg('g')
  const picture = svg('svg', { role: 'group', 'aria-label': label, tabindex: 0 }, arrowHead(), scene)
  const box = h('div.graph', {}, picture)
  const types = typesOf(nodes)
  const colours = (/** @type {string} */ type) => Math.min(COLOURS, types.indexOf(type) + 1)
  if (edges.length > MAX_LABELLED) box.classList.add('dense')
  /** @type {Map<string, { x: number, y: number }>} */
  let places = new Map()

  const show = () => {
    scene.setAttribute('transform', `translate(${view.x} ${view.y}) scale(${view.zoom})`)
    style(picture, '--zoom', String(view.zoom))
  }
  const showAll = () => {
    Object.assign(view, { x: 0, y: 0, zoom: 1 })
    show()
  }
  /** @param {number} factor @param {number} [x] the point of the picture that stays @param {number} [y] */
  const zoomBy = (factor, x = box.clientWidth / 2, y = box.clientHeight / 2) => {
    const zoom = Math.min(MAX_ZOOM, Math.max(MIN_ZOOM, view.zoom * factor))
    view.x = x - ((x - view.x) * zoom) / view.zoom
    view.y = y - ((y - view.y) * zoom) / view.zoom
    view.zoom = zoom
    show()
  }
  /** @param {number} dx @param {number} dy */
  const moveBy = (dx, dy) => {
    view.x += dx
    view.y += dy
    show()
  }
  /** @param {'node' | 'edge'} kind @param {string} id */
  const select = (kind, id) => {
    for (const element of scene.querySelectorAll('.selected')) element.classList.remove('selected')
    for (const element of scene.children) {
      const { edge, node, ends } = element.dataset
      const isSelected = kind === 'node' ? node === id || (ends ?? '').split(' ').includes(id) : edge === id
      element.classList.toggle('selected', isSelected)
    }
    onSelect(kind, id)
  }

  let drawnWidth = 0
  new ResizeObserver(() => {
    if (box.clientWidth === drawnWidth || box.clientWidth === 0) return
    drawnWidth = box.clientWidth
    const links = edges.map(({ subject, object }) => ({ from: subject, to: object }))
    places = layOut(
      nodes.map(({ id }) => id),
      links,
      { width: box.clientWidth, height: box.clientHeight, margin: MARGIN },
    )
    scene.replaceChildren()
    append(scene, [
      drawEdges(edges, places, (id) => select('edge', id)),
      nodes.map((node) =>
        drawNode(node, places.get(node.id), colours(node.type), () => select('node', node.id)),
      ),
    ])
    showAll()
  }).observe(box)
  listen(picture, { zoomBy, moveBy, showAll })
  const controls = h(
    'div.actions',
    {},
    button(t('graph.zoomIn'), () => zoomBy(1.3), 'quiet'),
    button(t('graph.zoomOut'), () => zoomBy(1 / 1.3), 'quiet'),
    button(t('graph.showAll'), showAll, 'quiet'),
    h('small', {}, t('graph.keys')),
  )
  const legend = h(
    'p.legend',
    {},
    ...types.map((type) => h('span', { class: `key-${colours(type)}` }, typeName(type))),
  )
  return { element: h('div', {}, box, controls, legend), select }
}

/** The types of the nodes, the most frequent first. @param {Node[]} nodes @returns {string[]} */
function typesOf(nodes) {
  const groups = [...Map.groupBy(nodes, ({ type }) => type)]
  return groups.sort(([, a], [, b]) => b.length - a.length).map(([type]) => type)
}

/** @param {any} picture @param {{ zoomBy: (factor: number, x?: number, y?: number) => void, moveBy: (dx: number, dy: number) => void, showAll: () => void }} actions */
function listen(picture, { zoomBy, moveBy, showAll }) {
  picture.addEventListener(
    'wheel',
    (/** @type {WheelEvent} */ event) => {
      // Without a key, the wheel scrolls the page past the picture.
      if (!event.ctrlKey && !picture.contains(document.activeElement)) return
      event.preventDefault()
      const { left, top } = picture.getBoundingClientRect()
      zoomBy(Math.exp(-event.deltaY / 500), event.clientX - left, event.clientY - top)
    },
    { passive: false },
  )
  let dragged = 0
  picture.addEventListener('pointerdown', () => {
    dragged = 0
  })
  picture.addEventListener('pointermove', (/** @type {PointerEvent} */ event) => {
    if (event.buttons !== 1) return
    dragged += Math.hypot(event.movementX, event.movementY)
    moveBy(event.movementX, event.movementY)
  })
  // The click after a drag selects nothing.
  const ignoreDrag = (/** @type {Event} */ event) => dragged > MAX_SHAKE && event.stopPropagation()
  picture.addEventListener('click', ignoreDrag, { capture: true })
  picture.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
    const { clientWidth: width, clientHeight: height } = picture.parentElement
    /** @type {Record<string, () => void>} */
    const actions = {
      ArrowLeft: () => moveBy(width * KEY_STEP, 0),
      ArrowRight: () => moveBy(-width * KEY_STEP, 0),
      ArrowUp: () => moveBy(0, height * KEY_STEP),
      ArrowDown: () => moveBy(0, -height * KEY_STEP),
      '+': () => zoomBy(1.3),
      '=': () => zoomBy(1.3),
      '-': () => zoomBy(1 / 1.3),
      0: showAll,
    }
    if (event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(actions, event.key)) return
    event.preventDefault()
    actions[event.key]()
  })
}

/** @param {Edge[]} edges @param {Map<string, { x: number, y: number }>} places @param {(id: string) => void} onClick */
function drawEdges(edges, places, onClick) {
  // Edges between the same two nodes are bent apart.
  const groups = Map.groupBy(edges, ({ subject, object }) => [subject, object].sort().join(' '))
  return [...groups.values()].flatMap((group) =>
    group.map((edge, i) => {
      const bend = (i - (group.length - 1) / 2) * (edge.subject < edge.object ? 1 : -1)
      return drawEdge(edge, places.get(edge.subject), places.get(edge.object), bend, onClick)
    }),
  )
}

/** @param {Edge} edge @param {any} from @param {any} to @param {number} bend @param {(id: string) => void} onClick */
function drawEdge({ id, subject, object, label, hasEnded }, from, to, bend, onClick) {
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1
  const unit = { x: (to.x - from.x) / length, y: (to.y - from.y) / length }
  const middle = {
    x: (from.x + to.x) / 2 - unit.y * bend * 70,
    y: (from.y + to.y) / 2 + unit.x * bend * 70,
  }
  const end = { x: to.x - unit.x * (RADIUS + 3), y: to.y - unit.y * (RADIUS + 3) }
  const path = `M ${from.x} ${from.y} Q ${middle.x} ${middle.y} ${end.x} ${end.y}`
  const at = { x: (from.x + 2 * middle.x + to.x) / 4, y: (from.y + 2 * middle.y + to.y) / 4 }
  return svg(
    hasEnded ? 'g.edge.ended' : 'g.edge',
    { 'data-edge': id, 'data-ends': `${subject} ${object}`, onClick: () => onClick(id) },
    svg('title', {}, label),
    svg('path.line', { d: path, 'marker-end': 'url(#arrow-head)' }),
    svg('path.target', { d: path }),
    svg('text', { x: at.x, y: at.y }, shorten(label)),
  )
}

/** @param {Node} node @param {any} place @param {number} colour @param {() => void} onSelect */
function drawNode({ id, name, label }, place, colour, onSelect) {
  const press = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== 'Enter' && event.key !== ' ') return
    event.preventDefault()
    onSelect()
  }
  return svg(
    `g.node.key-${colour}`,
    {
      ...{ 'data-node': id, role: 'button', tabindex: 0, 'aria-label': label },
      transform: `translate(${place.x} ${place.y})`,
      onClick: onSelect,
      onKeydown: press,
    },
    svg('title', {}, label),
    svg('circle', { r: RADIUS }),
    svg('text', { y: RADIUS + 4 }, shorten(name)),
  )
}

/** @param {string} text */
function shorten(text) {
  const characters = [...text]
  return characters.length > MAX_LABEL ? `${characters.slice(0, MAX_LABEL - 1).join('')}…` : text
}

function arrowHead() {
  const shape = {
    viewBox: '0 0 10 10',
    refX: 9,
    refY: 5,
    markerWidth: 10,
    markerHeight: 10,
    markerUnits: 'userSpaceOnUse',
    orient: 'auto',
  }
  return svg(
    'defs',
    {},
    svg('marker', { id: 'arrow-head', ...shape }, svg('path.arrow', { d: 'M 0 0 L 10 5 L 0 10 z' })),
  )
}
