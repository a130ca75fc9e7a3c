import { call } from '../lib/api.js'
import { fill, h } from '../lib/dom.js'
import { number, t } from '../lib/text.js'
import { card, field, show, table } from '../lib/widgets.js'

/** @param {any} main */
export function apiPage(main) {
  const body = h('div.stack')
  fill(
    main,
    h('h1', {}, t('nav.api')),
    h('p', {}, t('api.lead'), ' ', h('a', { href: '/openapi.json' }, 'openapi.json')),
    body,
  )
  void show(body, async () => {
    const document = await call('GET', '/openapi.json')
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        path,
        method: method.toUpperCase(),
        ...operation,
      })),
    )
    const list = h('div.stack')
    const filter = h('input', { type: 'search', autocomplete: 'off' })
    const count = h('p.muted', { role: 'status' })
    const draw = () => {
      const text = filter.value.trim().toLowerCase()
      const some = operations.filter((one) =>
        `${one.method} ${one.path} ${one.summary} ${one.operationId}`.toLowerCase().includes(text),
      )
      const groups = Map.groupBy(some, ({ path }) => groupOf(path))
      fill(count, t('api.count', { count: number(some.length) }))
      fill(
        list,
        [...groups].map(([name, members]) => card(name, ...members.map(operationView))),
      )
    }
    filter.addEventListener('input', draw)
    draw()
    return [field(t('api.filter'), filter), count, list]
  })
  return undefined
}

/** `/v1/memories/{id}` belongs to `memories`. @param {string} path */
function groupOf(path) {
  const [first = '', second] = path.split('/').filter(Boolean)
  return first === 'v1' && second ? second : '/'
}

/** @param {any} operation */
function operationView({ method, path, summary, description, parameters = [], requestBody, responses }) {
  const body = requestBody?.content?.['application/json']?.schema
  const details = h('details.operation')
  // Rendered when opened: all fields of all operations are thousands of elements.
  const render = () => {
    if (details.childElementCount > 1) return
    details.append(
      h(
        'div.stack',
        {},
        description && h('p', {}, description),
        parameters.length > 0 && fields(t('api.parameters'), parameters.map(toParameter)),
        body && fields(t('api.body'), toFields(body)),
        ...Object.entries(responses).flatMap(([status, { description: meaning, content }]) => {
          const schema = content?.['application/json']?.schema
          if (status === 'default' || !schema) return []
          return [
            h('p', {}, h('strong', {}, status), ` ${meaning}`),
            fields(t('api.answer', { status }), toFields(schema)),
          ]
        }),
        h('h3', {}, t('api.example')),
        h('pre', { tabIndex: 0 }, example(method, path, parameters, body)),
      ),
    )
  }
  details.addEventListener('toggle', render)
  details.append(
    h(
      'summary',
      {},
      h(`span.method.${method.toLowerCase()}`, {}, method),
      ' ',
      h('code', {}, path),
      ' ',
      h('span.muted', {}, summary),
    ),
  )
  return details
}

/** @param {string} caption @param {{ name: string, type: string, required: boolean, description: string }[]} rows */
function fields(caption, rows) {
  if (rows.length === 0) return null
  return h(
    'div',
    {},
    h('h3', {}, caption),
    table(
      caption,
      ['field', 'type', 'description'].map((name) => t(`column.${name}`)),
      rows.map(({ name, type, required, description }) => [
        h('code', {}, name),
        `${type}${required ? ` · ${t('api.required')}` : ''}`,
        description,
      ]),
    ),
  )
}

/** @param {any} parameter */
function toParameter({ name, in: place, required, description, schema = {} }) {
  return {
    name,
    type: `${typeOf(schema)} (${place})`,
    required: Boolean(required),
    description: description ?? schema.description ?? '',
  }
}

/** The fields of an object, and those of objects in lists, by path. @param {any} schema @param {string} [prefix] @returns {any[]} */
function toFields(schema, prefix = '') {
  const { properties = {}, required = [], items } = schema
  if (items) return toFields(items, `${prefix}[]`)
  return Object.entries(properties).flatMap(([key, value]) => {
    const name = prefix ? `${prefix}.${key}` : key
    return [
      { name, type: typeOf(value), required: required.includes(key), description: value.description ?? '' },
      ...toFields(value, name),
    ]
  })
}

/** @param {any} schema @returns {string} */
function typeOf(schema) {
  const { type, enum: values, items, nullable, anyOf, oneOf } = schema
  const alternatives = anyOf ?? oneOf
  const name = values
    ? values.map((/** @type {any} */ value) => JSON.stringify(value)).join(' | ')
    : items
      ? `${typeOf(items)}[]`
      : alternatives
        ? alternatives.map(typeOf).join(' | ')
        : (type ?? 'any')
  return nullable ? `${name} | null` : name
}

/** @param {string} method @param {string} path @param {any[]} parameters @param {any} body */
function example(method, path, parameters, body) {
  const exampleValue = (/** @type {any} */ { name, schema = {} }) =>
    String(schema.example ?? (name === 'id' ? 'ID' : '…'))
  const query = parameters
    .filter((one) => one.in === 'query' && one.required)
    .map((one) => `${one.name}=${encodeURIComponent(exampleValue(one))}`)
  const filled = parameters
    .filter((one) => one.in === 'path')
    .reduce((text, one) => text.replace(`{${one.name}}`, exampleValue(one)), path)
  const url = `${location.origin}${filled}${query.length > 0 ? `?${query.join('&')}` : ''}`
  const lines = [
    `curl -s${method === 'GET' ? '' : ` -X ${method}`} '${url}'`,
    `  -H 'Authorization: Bearer YOUR_KEY'`,
  ]
  if (body) lines.push(`  -H 'Content-Type: application/json'`, `  -d '${JSON.stringify(exampleOf(body))}'`)
  return lines.join(' \\\n')
}

/** Required fields with their examples. @param {any} schema @returns {any} */
function exampleOf(schema) {
  if (schema.example !== undefined) return schema.example
  if (schema.enum) return schema.enum[0]
  if (schema.items) return [exampleOf(schema.items)]
  if (schema.anyOf ?? schema.oneOf) return exampleOf((schema.anyOf ?? schema.oneOf)[0])
  if (schema.properties) {
    const required = schema.required ?? Object.keys(schema.properties).slice(0, 1)
    return Object.fromEntries(
      required.map((/** @type {string} */ key) => [key, exampleOf(schema.properties[key])]),
    )
  }
  return (
    { string: '…', number: 1, integer: 1, boolean: true, object: {} }[
      /** @type {'string'} */ (schema.type)
    ] ?? null
  )
}
