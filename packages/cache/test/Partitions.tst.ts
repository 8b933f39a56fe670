import { CacheManager, Leadership, Partitions } from "@letletme/cache"
import { Effect, Layer } from "effect"
import { describe, expect, test } from "tstyche"

const partitions = Partitions.layerMemory({ of: Partitions.bySegment(/t-\w+/) })

describe("partitions", () => {
  test("are no log: who leads needs one partition", () => {
    const over = <A, E>(cache: Layer.Layer<A, E>) =>
      Effect.provide(Leadership, Leadership.layer().pipe(Layer.provide(cache)))
    expect(Effect.runPromise).type.not.toBeCallableWith(over(partitions))
    expect(Effect.runPromise).type.toBeCallableWith(over(CacheManager.layerMemory))
  })
})
