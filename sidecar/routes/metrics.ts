import { Registry } from 'prom-client'
import type { Metrics } from '../metrics/metrics.ts'
import { processMetrics } from '../metrics/process.ts'
import { router } from './router.ts'

/**
 * `GET /metrics` in the text format of Prometheus, version 0.0.4. Not in the OpenAPI document: it is no tool for an
 * app. The numbers are of the whole process, whosever namespaces they come from; where keys are set any of them reads.
 */
export function metricsRoutes({ metrics }: { metrics: Metrics }) {
  return router().get('/metrics', async (c) => {
    const all = Registry.merge([metrics.registry, processMetrics()])
    return c.body(await all.metrics(), 200, { 'content-type': Registry.PROMETHEUS_CONTENT_TYPE })
  })
}
