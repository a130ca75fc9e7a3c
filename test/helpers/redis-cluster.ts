import { Redis } from 'ioredis'
import { afterAll, beforeAll } from 'vitest'
import { freePort, type RedisServer, startRedis } from './redis-server.ts'
import { eventually } from './redis-subject.ts'

const SLOTS = 16_384

/** Starts a cluster for all cases of one `describe`. */
export function useCluster() {
  let nodes: RedisServer[] = []
  beforeAll(async () => {
    nodes = await startCluster()
  })
  afterAll(async () => {
    for (const node of nodes) await node[Symbol.asyncDispose]()
  })
  return {
    get nodes() {
      return nodes
    },
    /** One address is enough: the cluster names the others. */
    url: () => `redis+cluster://127.0.0.1:${nodes[0]?.port}`,
  }
}

/** Starts a cluster of three masters that cover all slots. */
async function startCluster(): Promise<RedisServer[]> {
  const nodes: RedisServer[] = []
  const busPorts = [await freePort(), await freePort(), await freePort()]
  for (const bus of busPorts) {
    const options = `--cluster-enabled yes --cluster-node-timeout 1000 --cluster-port ${bus}`
    nodes.push(await startRedis(options.split(' ')))
  }
  const admins = nodes.map(({ url }) => new Redis(url))
  for (const [i, admin] of admins.entries()) {
    const first = (part: number) => Math.floor((part * SLOTS) / nodes.length)
    await admin.cluster('ADDSLOTSRANGE', first(i), first(i + 1) - 1)
    await admin.call('CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1))
  }
  for (const [i, { port }] of nodes.entries()) {
    await admins[0]?.call('CLUSTER', 'MEET', '127.0.0.1', String(port), String(busPorts[i]))
  }
  await eventually(
    () => Promise.all(admins.map(async (admin) => String(await admin.cluster('INFO')))),
    (infos) => infos.every((info) => /cluster_state:ok/.test(info) && /cluster_known_nodes:3/.test(info)),
  )
  for (const admin of admins) admin.disconnect()
  return nodes
}
