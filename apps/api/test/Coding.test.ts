import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib"
import { negotiate, pack } from "@letletme/api/Coding"

describe("content codings", () => {
  it("are chosen by what the client likes best, and of equals by what is smallest", () => {
    const cases = {
      "": "identity",
      gzip: "gzip",
      "gzip, deflate, br, zstd": "br",
      "gzip, zstd": "zstd",
      GZIP: "gzip",
      "br;q=0.5, gzip;q=0.8": "gzip",
      "br ; q=0 , gzip": "gzip",
      "*": "br",
      "*;q=0, gzip;q=0.001": "gzip",
      "br;q=0, *": "zstd",
      deflate: "identity",
      identity: "identity",
      "gzip;q=2": "identity",
      "gzip;level=9": "identity",
      ",,,": "identity",
      "br;;;q=1, gzip": "gzip"
    }
    for (const [accepted, coding] of Object.entries(cases)) assert.strictEqual(negotiate(accepted), coding, accepted)
    assert.strictEqual(negotiate(undefined), "identity")
  })

  it.effect("give back the bytes that were packed", () =>
    Effect.gen(function* () {
      const bytes = Buffer.from("Ünited ".repeat(500))
      assert.deepStrictEqual(brotliDecompressSync(yield* pack("br", bytes)), bytes)
      assert.deepStrictEqual(gunzipSync(yield* pack("gzip", bytes)), bytes)
      assert.deepStrictEqual(zstdDecompressSync(yield* pack("zstd", bytes)), bytes)
    })
  )
})
