import { Registry } from 'prom-client'
import { type Metrics, processMetrics } from '../../insight/metrics/metrics.ts'
import { router } from '../validation/router.ts'

/**
 * `GET /metrics` in the Prometheus text format 0.0.4. Not in the OpenAPI document, because it is no tool for an app.
 * The metrics cover the whole process, not one namespace; with API keys set, any of them grants access.
 */
export function metricsRoutes({ metrics }: { metrics: Metrics }) {
  return router().get('/metrics', async (c) => {
    const merged = Registry.merge([metrics.registry, processMetrics()])
    return c.body(await merged.metrics(), 200, { 'content-type': Registry.PROMETHEUS_CONTENT_TYPE })
  })
}
