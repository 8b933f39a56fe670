import { assert, describe, it } from "@effect/vitest"
import { Recording, Tag } from "@letletme/cache"
import { Effect } from "effect"

const a = Tag.of("a")
const b = Tag.of("b")
const c = Tag.of("c")

describe("Recording.forLoad", () => {
  it("collects the tags of all that is read, once each", () => {
    const recorder = Recording.forLoad(10, false)
    recorder.record({ stamp: 5, tags: [a, b] }, true)
    recorder.record({ stamp: 12, tags: [b, c] }, true)
    assert.deepStrictEqual([...recorder.tags], [a, b, c])
    assert.isFalse(recorder.isSnapshot)
  })

  it("keeps its stamp over what was valid, however old", () => {
    const recorder = Recording.forLoad(10, false)
    recorder.record({ stamp: 5, tags: [a] }, true)
    assert.strictEqual(recorder.stamp, 10)
  })

  it("takes the lowest stamp of what was read stale, and never rises", () => {
    const recorder = Recording.forLoad(10, false)
    recorder.record({ stamp: 12, tags: [a] }, false)
    assert.strictEqual(recorder.stamp, 10)
    recorder.record({ stamp: 4, tags: [b] }, false)
    recorder.record({ stamp: 7, tags: [c] }, false)
    assert.strictEqual(recorder.stamp, 4)
  })
})

describe("Recording.forSnapshot", () => {
  it("keeps every read, in order, and is whole while all are valid", () => {
    const recorder = Recording.forSnapshot(undefined)
    const reads = [
      { stamp: 5, tags: [a] },
      { stamp: 4, tags: [a, b] }
    ]
    for (const read of reads) recorder.record(read, true)
    assert.deepStrictEqual(recorder.reads, reads)
    assert.isTrue(recorder.isSnapshot)
    assert.isFalse(recorder.isTorn)
  })

  it("is no less whole for what was read elsewhere, long ago or just now: the view has to come as far", () => {
    const recorder = Recording.forSnapshot(undefined)
    recorder.record({ stamp: 5, tags: [a] }, true)
    recorder.record({ stamp: 9, tags: [] }, true)
    recorder.record({ stamp: 0, tags: [] }, true)
    assert.deepStrictEqual(recorder.reads, [{ stamp: 5, tags: [a] }])
    assert.strictEqual(recorder.upTo, 9)
  })

  it("is torn by one stale read, and stays so", () => {
    const recorder = Recording.forSnapshot(undefined)
    recorder.record({ stamp: 5, tags: [a] }, false)
    recorder.record({ stamp: 6, tags: [a] }, true)
    assert.isTrue(recorder.isTorn)
  })

  it("passes reads on through every recorder around it", () => {
    const load = Recording.forLoad(10, false)
    const outer = Recording.forSnapshot(load)
    const inner = Recording.forSnapshot(outer)
    inner.record({ stamp: 5, tags: [a] }, true)
    inner.record({ stamp: 3, tags: [b] }, false)
    assert.deepStrictEqual(outer.reads, inner.reads)
    assert.deepStrictEqual([outer.isTorn, inner.isTorn], [true, true])
    assert.deepStrictEqual([[...load.tags], load.stamp], [[a, b], 3])
  })
})

describe("Recording.Recorder", () => {
  it.effect("is none outside a load, and goes along into forked fibers", () =>
    Effect.gen(function* () {
      assert.isUndefined(yield* Recording.Recorder)
      const recorder = Recording.forLoad(1, false)
      const seen = yield* Effect.forEach([1, 2, 3], () => Recording.Recorder, { concurrency: "unbounded" }).pipe(
        Effect.provideService(Recording.Recorder, recorder)
      )
      for (const one of seen) assert.strictEqual(one, recorder)
      assert.isUndefined(yield* Recording.Recorder)
    })
  )
})
