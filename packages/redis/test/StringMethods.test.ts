import { assert, it } from "@effect/vitest"
import { Redis } from "@letletme/redis"
import { Effect, Layer } from "effect"
import { setFlagsFromString } from "node:v8"
import { runInThisContext } from "node:vm"

setFlagsFromString("--allow-natives-syntax")
const isFast: unknown = runInThisContext("() => %HasFastProperties(String.prototype)")
const areStringMethodsFast = () => (typeof isFast === "function" ? Reflect.apply(isFast, undefined, []) : undefined)

it.effect("string methods are as fast after a connection was made as without ioredis", () =>
  Effect.gen(function* () {
    // What ioredis does to them when it is loaded, done again: others may have undone it meanwhile.
    class Text extends String {}
    assert.strictEqual(new Text("").length, 0)
    assert.isFalse(areStringMethodsFast())
    yield* Layer.build(Redis.layer({ lazy: true }))
    assert.isTrue(areStringMethodsFast())
  })
)
