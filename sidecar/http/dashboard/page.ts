import { html } from 'hono/html'
import { LANGUAGES, type Language } from './languages.ts'

/** The one document of the dashboard; `assets/app.js` renders the pages. */
export function pageOf(language: Language) {
  return html`<!doctype html>
<html lang="${language}" data-languages="${JSON.stringify(LANGUAGES)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Hippocache</title>
<link rel="icon" href="/dashboard/files/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/dashboard/files/uplot/uPlot.min.css">
<link rel="stylesheet" href="/dashboard/files/styles/base.css">
<link rel="stylesheet" href="/dashboard/files/styles/components.css">
<link rel="stylesheet" href="/dashboard/files/styles/pages.css">
<link rel="stylesheet" href="/dashboard/files/styles/graph.css">
<script type="module" src="/dashboard/files/app.js"></script>
</head>
<body>
<noscript>The dashboard needs JavaScript. The API works without it.</noscript>
<div id="app"></div>
</body>
</html>`
}
