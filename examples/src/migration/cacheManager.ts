/**
 * The same in cache-manager: it has no tags, so whoever changes the shop has to know every key, or clear everything.
 */
import { createCache } from "cache-manager"
import type { Source } from "./Before.ts"

export const before = async (source: Source) => {
  const cache = createCache({ ttl: 600_000, refreshThreshold: 60_000 })
  const product = (id: number) => cache.wrap(`product:${id}`, () => source.product(id))
  await product(1)
  const first = await product(1)
  source.price = 90
  await cache.clear()
  const second = await product(1)
  await cache.disconnect()
  return [first, second]
}
