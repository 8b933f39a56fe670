import { assert, describe, it, layer } from "@effect/vitest"
import { CacheManager, LiveView, Tag } from "@letletme/cache"
import { MatchCache, TeamCache, TeamWorkflow } from "@letletme/fpl"
import { Clock, Deferred, Effect, Fiber, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Answer, type Found, ofMatches } from "@letletme/api/Answer"
import { Answers, type Asked } from "@letletme/api/Answers"
import * as Json from "@letletme/api/Json"
import { names, type Reply } from "@letletme/api/Reply"
import { caches, coming, season } from "./stack.ts"

const form = Json.make(Answer(Schema.String))
const asked: Asked = { url: "/name", acceptEncoding: undefined, ifNoneMatch: undefined, after: 0 }
const options = { source: "test", patience: "50 millis", concurrency: 2 } as const

const found = (data: string): Found<string> => ({ season, data, stage: "settled", provisional: false })
const team = { season, id: 1 }
const rename = (name: string) => TeamWorkflow.use(({ update }) => update(season, [{ id: 1, set: { name } }]))
const invalidate = (...tags: ReadonlyArray<Tag.Tag>) =>
  CacheManager.use((manager) => manager.invalidate(tags.map((primary) => ({ primary }))))

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Struct({ data: Schema.String })))
const said = (reply: Reply | undefined) =>
  reply?.body === undefined ? undefined : decode(Buffer.from(reply.body).toString()).data

describe("If-None-Match", () => {
  it("names a tag alone, in a list, as a weak one, or any", () => {
    for (const text of ['"a"', '"b", "a"', 'W/"a"', '"b",W/"a" , "c"', "*"]) assert.isTrue(names(text, '"a"'), text)
    for (const text of ['"b"', "a", "", '"a', 'W/"b"']) assert.isFalse(names(text, '"a"'), text)
  })
})

describe("answers", () => {
  layer(Answers.layer(options).pipe(Layer.provideMerge(caches)), { excludeTestServices: true })((it) => {
    /** Asks for the name of a team under an address, as an API would. */
    const ask = Effect.fnUntraced(function* (stated: Partial<Asked> = {}) {
      const teams = yield* TeamCache
      const name = Effect.map(teams.get(team), (one) => found(one.name))
      return yield* Answers.use(({ answer }) => answer({ ...asked, ...stated }, form, name))
    })
    const atHand = (stated: Partial<Asked> = {}) =>
      Answers.useSync((answers) => answers.atHand({ ...asked, ...stated }))

    it.effect("are at hand once they are made, until something that they were made of is invalidated", () =>
      Effect.gen(function* () {
        yield* rename("Ashford")
        assert.isUndefined(yield* atHand())
        const first = yield* ask()
        assert.deepStrictEqual(yield* atHand(), first)
        yield* invalidate(Tag.of("team", season, "2"), Tag.any("match"), Tag.of("other"))
        assert.strictEqual((yield* atHand())?.headers["etag"], first.headers["etag"])
        yield* rename("Burnley")
        assert.isUndefined(yield* atHand())
        assert.strictEqual(said(yield* ask()), "Burnley")
        yield* invalidate(Tag.any("team"))
        assert.isUndefined(yield* atHand())
      })
    )

    it.effect("say the position that they are as new as, and the revision of what they show", () =>
      Effect.gen(function* () {
        const first = yield* ask()
        const position = yield* invalidate(Tag.of("other"))
        const later = yield* atHand()
        assert.strictEqual(later?.headers["letletme-position"], `${position}`)
        assert.notStrictEqual(first.headers["letletme-position"], `${position}`)
        assert.strictEqual(later?.body, first.body)
      })
    )

    it.effect("wait for the position that a request brings", () =>
      Effect.gen(function* () {
        const { view } = yield* LiveView
        yield* ask()
        const after = view.position + 1
        assert.isUndefined(yield* atHand({ after }))
        const waiting = yield* Effect.forkChild(ask({ after }))
        yield* Effect.yieldNow
        assert.isUndefined(waiting.pollUnsafe())
        yield* rename("Corby")
        const reply = yield* Fiber.join(waiting)
        assert.strictEqual(said(reply), "Corby")
        assert.isAtLeast(Number(reply.headers["letletme-position"]), after)
      })
    )

    it.effect("give up on a position that nobody gave out", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(ask({ after: Number.MAX_SAFE_INTEGER }))
        assert.isTrue(error._tag === "CacheError" && error.reason._tag === "Timeout")
      })
    )

    it.effect("are made once for all who ask meanwhile, and none is told what was overtaken", () =>
      Effect.gen(function* () {
        const teams = yield* TeamCache
        const { answer } = yield* Answers
        const isUnderWay = yield* Deferred.make<void>()
        const goOn = yield* Deferred.make<void>()
        let reads = 0
        const name = Effect.gen(function* () {
          reads++
          const { name: data } = yield* teams.get(team)
          yield* Deferred.succeed(isUnderWay, undefined)
          yield* Deferred.await(goOn)
          return found(data)
        })
        const url = "/slow"
        const first = yield* Effect.forkChild(answer({ ...asked, url }, form, name))
        yield* Deferred.await(isUnderWay)
        yield* rename("Dartford")
        const others = yield* Effect.forkChild(
          Effect.forEach(Array.from({ length: 20 }), () => answer({ ...asked, url }, form, name), {
            concurrency: "unbounded"
          })
        )
        yield* Effect.yieldNow
        yield* Deferred.succeed(goOn, undefined)
        assert.strictEqual(said(yield* Fiber.join(first)), "Dartford")
        assert.deepStrictEqual([...new Set((yield* Fiber.join(others)).map(said))], ["Dartford"])
        // Once, and once more since it was overtaken.
        assert.strictEqual(reads, 2)
      })
    )

    it.effect("go on to be made for those who wait when who made them goes away", () =>
      Effect.gen(function* () {
        const { answer } = yield* Answers
        const isUnderWay = yield* Deferred.make<void>()
        const url = "/abandoned"
        const never = Effect.andThen(Deferred.succeed(isUnderWay, undefined), Effect.never)
        const first = yield* Effect.forkChild(answer({ ...asked, url }, form, never))
        yield* Deferred.await(isUnderWay)
        const second = yield* Effect.forkChild(answer({ ...asked, url }, form, Effect.succeed(found("mine"))))
        yield* Effect.yieldNow
        yield* Fiber.interrupt(first)
        assert.strictEqual(said(yield* Fiber.join(second)), "mine")
      })
    )

    it.effect("are made so many at once, and more are turned away", () =>
      Effect.gen(function* () {
        const { answer } = yield* Answers
        const goOn = yield* Deferred.make<void>()
        const slow = Effect.as(Deferred.await(goOn), found("slow"))
        const under = yield* Effect.forkChild(
          Effect.forEach(["/1", "/2"], (url) => answer({ ...asked, url }, form, slow), { concurrency: 2 })
        )
        yield* Effect.yieldNow
        const error = yield* Effect.flip(answer({ ...asked, url: "/3" }, form, slow))
        assert.strictEqual(error._tag, "Unavailable")
        yield* Deferred.succeed(goOn, undefined)
        assert.strictEqual((yield* Fiber.join(under)).length, 2)
        assert.strictEqual(said(yield* answer({ ...asked, url: "/3" }, form, slow)), "slow")
      })
    )

    it.effect("are packed once for each coding, and named by it", () =>
      Effect.gen(function* () {
        const { answer } = yield* Answers
        const long = { ...asked, url: "/long" }
        const read = Effect.succeed(found("long ".repeat(1_000)))
        const plain = yield* answer(long, form, read)
        const inBrotli = { ...long, acceptEncoding: "gzip, br" }
        assert.isUndefined(yield* atHand(inBrotli))
        const packed = yield* answer(inBrotli, form, read)
        assert.strictEqual(packed.headers["content-encoding"], "br")
        assert.isBelow(packed.body?.length ?? Number.NaN, plain.body?.length ?? Number.NaN)
        assert.strictEqual(packed.headers["etag"], `${plain.headers["etag"]?.slice(0, -1)}-br"`)
        assert.strictEqual((yield* atHand(inBrotli))?.body, packed.body)
        // Each coding is a representation of its own.
        assert.strictEqual((yield* atHand({ ...long, ifNoneMatch: packed.headers["etag"] }))?.status, 200)
        assert.strictEqual((yield* atHand({ ...inBrotli, ifNoneMatch: packed.headers["etag"] }))?.status, 304)
      })
    )
  })

  it.effect("are not at hand while the log does not answer, and are again after it does", () =>
    Effect.gen(function* () {
      let isTrusted = true
      const watched = Layer.effect(
        LiveView,
        Effect.map(LiveView, (live) => LiveView.of({ ...live, isTrusted: () => isTrusted }))
      ).pipe(Layer.provideMerge(caches))
      yield* Effect.gen(function* () {
        const { answer, atHand } = yield* Answers
        yield* answer(asked, form, Effect.succeed(found("held")))
        assert.strictEqual(said(atHand(asked)), "held")
        isTrusted = false
        assert.isUndefined(atHand(asked))
        isTrusted = true
        assert.strictEqual(said(atHand(asked)), "held")
      }).pipe(Effect.provide(Answers.layer(options).pipe(Layer.provide(watched))))
    })
  )

  it.effect("are made anew when the clock moves a match on, though nothing was invalidated", () =>
    Effect.gen(function* () {
      const { kickoff } = coming
      // Before anything is built: what repeats would run through all the years up to then.
      yield* TestClock.setTime(kickoff - 60_000)
      const test = Effect.gen(function* () {
        const matches = yield* MatchCache
        const read = Effect.gen(function* () {
          const match = yield* matches.get({ season, id: coming.id })
          return { ...found("a match"), ...ofMatches([match], yield* Clock.currentTimeMillis) }
        })
        const { answer, atHand } = yield* Answers
        const before = yield* answer(asked, form, read)
        assert.match(String(before.headers["cache-control"]), /max-age=(?:[1-5]?\d|60),/)
        yield* TestClock.setTime(kickoff - 30_000)
        assert.isDefined(atHand(asked))
        yield* TestClock.setTime(kickoff)
        assert.isUndefined(atHand(asked))
        assert.match(String((yield* answer(asked, form, read)).headers["cache-control"]), /max-age=5,/)
      })
      yield* Effect.provide(test, Answers.layer(options).pipe(Layer.provideMerge(caches)))
    })
  )
})
