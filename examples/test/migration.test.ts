import { assert, describe, it } from "@effect/vitest"
import { after, Shop } from "@letletme/examples/migration/After"
import { makeSource, type Source } from "@letletme/examples/migration/Before"
import * as bentocache from "@letletme/examples/migration/bentocache"
import * as cacheManager from "@letletme/examples/migration/cacheManager"
import * as effectCache from "@letletme/examples/migration/effectCache"
import { Effect } from "effect"

const before: Readonly<Record<string, (source: Source) => Effect.Effect<unknown>>> = {
  bentocache: (source) => Effect.promise(() => bentocache.before(source)),
  "cache-manager": (source) => Effect.promise(() => cacheManager.before(source)),
  "Effect's Cache": effectCache.before
}

describe("a migration", () => {
  for (const [name, program] of Object.entries(before)) {
    it.live(`from ${name} answers the same, with as many loads`, () =>
      Effect.gen(function* () {
        const [theirs, ours] = [makeSource(), makeSource()]
        const answers = yield* program(theirs)
        assert.deepStrictEqual(answers, [
          { id: 1, price: 100 },
          { id: 1, price: 90 }
        ])
        assert.deepStrictEqual<unknown>(yield* Effect.provideService(after, Shop, ours), answers)
        assert.deepStrictEqual([theirs.loads, ours.loads], [2, 2])
      })
    )
  }
})
