import { Counter, Gauge, Registry } from 'prom-client'
import { limitValues, OTHER } from './limit-values.ts'

/** What a recorded outcome added; negative where it was removed. */
interface CountedOutcome {
  namespace: string
  experiment: string
  arm: string
  name: string
  count: number
  sum: number
}

/** Pairs of experiment and arm per namespace. */
const MAX_ARMS = 100
/** Names of outcomes per namespace. */
const MAX_OUTCOMES = 20

/** Metrics of experiments, in a registry per namespace, because their labels are names that an operator chose. */
export function createExperimentMetrics() {
  const namespaces = new Map<string, ReturnType<typeof createNamespace>>()

  function of(namespace: string) {
    const known = namespaces.get(namespace) ?? createNamespace()
    namespaces.set(namespace, known)
    return known
  }

  return {
    experimentRegistry: (namespace: string): Registry => of(namespace).registry,
    exposure(namespace: string, experiment: string, arm: string) {
      const { labelsOf, exposures } = of(namespace)
      exposures.labels(...labelsOf(experiment, arm)).inc()
    },
    outcome({ namespace, experiment, arm, name, count, sum }: CountedOutcome) {
      const { labelsOf, outcomeLabel, outcomes, outcomeSum } = of(namespace)
      const labels = [...labelsOf(experiment, arm), outcomeLabel(name)] as const
      outcomes.labels(...labels).inc(count)
      outcomeSum.labels(...labels).inc(sum)
    },
  }
}

function createNamespace() {
  const registry = new Registry()
  const registers = [registry]
  const armLabel = limitValues(MAX_ARMS)
  const outcomeLabels = ['experiment', 'arm', 'name'] as const
  return {
    registry,
    outcomeLabel: limitValues(MAX_OUTCOMES),
    labelsOf: (experiment: string, arm: string): [experiment: string, arm: string] =>
      armLabel(JSON.stringify([experiment, arm])) === OTHER ? [OTHER, OTHER] : [experiment, arm],
    exposures: new Counter({
      name: 'hippocache_exposures_total',
      help: 'Recalls that an arm of an experiment answered.',
      labelNames: ['experiment', 'arm'] as const,
      registers,
    }),
    outcomes: new Gauge({
      name: 'hippocache_outcomes',
      help: 'Outcomes recorded since the start, less those removed.',
      labelNames: outcomeLabels,
      registers,
    }),
    outcomeSum: new Gauge({
      name: 'hippocache_outcome_value_sum',
      help: 'Sum of the values of these outcomes; divide by hippocache_outcomes for their mean.',
      labelNames: outcomeLabels,
      registers,
    }),
  }
}
