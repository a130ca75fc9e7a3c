/**
 * Creates an element. Strings become text nodes, so nothing that a user wrote is ever parsed as HTML.
 * @param {string} name tag with classes: `p.note.error`
 * @param {Record<string, any>} [props] attributes; `onX` adds a listener, `value` and the like are set as properties
 * @param {...any} children nodes, texts, or nested lists of these; null and false are skipped
 * @returns {any}
 */
export function h(name, props = {}, ...children) {
  const [tag, ...classes] = name.split('.')
  return complete(document.createElement(tag), classes, props, children)
}

/** Creates an element of SVG, as `h` does for HTML. @param {string} name @param {Record<string, any>} [props] @param {...any} children @returns {any} */
export function svg(name, props = {}, ...children) {
  const [tag, ...classes] = name.split('.')
  return complete(document.createElementNS('http://www.w3.org/2000/svg', tag), classes, props, children)
}

/** @param {any} element @param {string[]} classes @param {Record<string, any>} props @param {any[]} children */
function complete(element, classes, props, children) {
  if (classes.length > 0) element.classList.add(...classes)
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue
    if (key.startsWith('on')) element.addEventListener(key.slice(2).toLowerCase(), value)
    else if (PROPERTIES.has(key)) element[key] = value
    else element.setAttribute(key, value === true ? '' : String(value))
  }
  append(element, children)
  return element
}

const PROPERTIES = new Set(['value', 'checked', 'disabled', 'htmlFor', 'tabIndex'])

/** @param {any} parent @param {any} children */
export function append(parent, children) {
  for (const child of [children].flat(Number.POSITIVE_INFINITY)) {
    if (child === null || child === undefined || child === false) continue
    parent.append(child instanceof Node ? child : String(child))
  }
  return parent
}

/** Replaces the content of an element. @param {any} parent @param {...any} children */
export function fill(parent, ...children) {
  parent.replaceChildren()
  return append(parent, children)
}

/** Sets a length in CSS; the content security policy forbids the attribute. @param {any} element @param {string} name @param {string} value */
export function style(element, name, value) {
  element.style.setProperty(name, value)
  return element
}
