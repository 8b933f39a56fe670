/**
 * The same in bentocache: keys, a factory and tags at each call.
 */
import { BentoCache, bentostore } from "bentocache"
import { memoryDriver } from "bentocache/drivers/memory"
import type { Source } from "./Before.ts"

export const before = async (source: Source) => {
  const bento = new BentoCache({
    default: "memory",
    stores: { memory: bentostore().useL1Layer(memoryDriver({ maxItems: 1_000 })) }
  })
  const product = (id: number) =>
    bento.getOrSet({
      key: `product:${id}`,
      ttl: "10m",
      grace: "1h",
      // Its default, 0, answers the value of the grace period at once, also after a delete by tag.
      timeout: null,
      tags: ["shop"],
      factory: () => source.product(id)
    })
  await product(1)
  const first = await product(1)
  source.price = 90
  await bento.deleteByTag({ tags: ["shop"] })
  const second = await product(1)
  await bento.disconnectAll()
  return [first, second]
}
