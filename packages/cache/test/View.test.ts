import { assert, describe, it } from "@effect/vitest"
import { type Position, Tag, View } from "@letletme/cache"
import { Arbitrary, Schema } from "effect"

/** Tags over a small alphabet, so that invalidations often meet what entries carry. */
const Segment = Schema.Literals(["a", "b"])
const tags = Arbitrary.map(
  Arbitrary.schema(
    Schema.Struct({
      path: Schema.NonEmptyArray(Segment).check(Schema.isMaxLength(3)),
      pattern: Schema.Boolean
    })
  ),
  ({ path: [first, ...rest], pattern }) => (pattern ? Tag.any(first, ...rest) : Tag.of(first, ...rest))
)
const between = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

const entry = (position: Position.Position, carried: ReadonlyArray<Tag.Tag>, floor?: number): View.LogEntry => ({
  position,
  tags: carried,
  floor,
  cause: "test",
  by: "test"
})

/** A log without gaps from position 1, a few of its entries raising the floor. */
const logs = Arbitrary.map(
  Arbitrary.array(Arbitrary.all({ tags: Arbitrary.array(tags, { maxLength: 3 }), raise: between(0, 9) }), {
    minLength: 1,
    maxLength: 12
  }),
  (list) => {
    let floor = 0
    return list.map((one, index) => {
      const raised = one.raise === 9 ? Math.max(floor, Math.floor((index + 1) / 2)) : floor
      const raises = raised > floor
      floor = raised
      return entry(index + 1, one.tags, raises ? raised : undefined)
    })
  }
)

/** What the log says, without marks: valid from the floor on, unless an entry after the stamp reaches a tag. */
const isValidByLog = (log: ReadonlyArray<View.LogEntry>, floor: number, stamp: number, carried: Iterable<Tag.Tag>) =>
  stamp >= floor &&
  !log.some(
    ({ position, tags: invalidated }) =>
      position > stamp && [...carried].some((tag) => invalidated.some((one) => Tag.reaches(one, tag)))
  )

const floorOf = (log: ReadonlyArray<View.LogEntry>) => Math.max(0, ...log.map(({ floor }) => floor ?? 0))

const everyTag: ReadonlyArray<Tag.Tag> = ["a", "b"].flatMap((one) => [
  Tag.of(one),
  Tag.any(one),
  ...["a", "b"].flatMap((two) => [Tag.of(one, two), Tag.any(one, two), Tag.of(one, two, "a"), Tag.any(one, two, "b")])
])

/** Every question that can be asked of a view of such logs. */
const answers = (view: View.View, upTo: number) =>
  Array.from({ length: upTo + 2 }, (_, stamp) => everyTag.map((tag) => view.isValid(stamp, [tag])))

const model = (log: ReadonlyArray<View.LogEntry>, floor: number, upTo: number) =>
  Array.from({ length: upTo + 2 }, (_, stamp) => everyTag.map((tag) => isValidByLog(log, floor, stamp, [tag])))

/** A stable shuffle by generated numbers; what is drawn twice comes twice. */
const reorder = <A>(list: ReadonlyArray<A>, draws: ReadonlyArray<number>): ReadonlyArray<A> => [
  ...draws.flatMap((draw) => list.slice(draw % list.length, (draw % list.length) + 1)),
  ...list.toSorted((a, b) => (draws[list.indexOf(a)] ?? 0) - (draws[list.indexOf(b)] ?? 0))
]

const draws = Arbitrary.array(between(0, 100), { minLength: 12, maxLength: 16 })
const options = { arbitrary: { runs: 300 } }

describe("View", () => {
  it("is empty at first: all is valid, at position 0", () => {
    const view = View.make()
    assert.deepStrictEqual([view.position, view.floor, view.size], [0, 0, 0])
    assert.isTrue(view.isValid(0, everyTag))
  })

  it.prop(
    "answers as the log does",
    [logs, Arbitrary.array(tags, { maxLength: 4 }), between(0, 14)],
    ([log, carried, stamp]) => {
      const view = View.make()
      assert.isTrue(view.apply(log))
      assert.strictEqual(view.position, log.length)
      assert.strictEqual(view.floor, floorOf(log))
      assert.deepStrictEqual(answers(view, log.length), model(log, floorOf(log), log.length))
      assert.strictEqual(view.isValid(stamp, carried), isValidByLog(log, floorOf(log), stamp, carried))
      const cause = view.invalidation(stamp, carried)
      if (cause !== undefined) {
        assert.isAbove(cause.position, stamp)
        assert.include(carried, cause.tag)
        assert.isTrue(log[cause.position - 1]?.tags.some((tag) => Tag.reaches(tag, cause.tag)))
      }
    },
    options
  )

  it.prop(
    "answers the same in any order, however often an entry comes",
    [logs, draws],
    ([log, order]) => {
      const view = View.make()
      for (const one of reorder(log, order)) view.apply([one])
      assert.deepStrictEqual(answers(view, log.length), model(log, floorOf(log), log.length))
    },
    options
  )

  it.prop(
    "moves on only where nothing is missing, and never back",
    [logs, draws],
    ([log, order]) => {
      const view = View.make()
      for (const one of reorder(log, order)) {
        const before = view.position
        const complete = view.apply([one])
        assert.strictEqual(view.position, one.position === before + 1 ? one.position : before)
        assert.strictEqual(complete, one.position <= before + 1)
      }
    },
    options
  )

  it.prop(
    "a snapshot and entries merge in any order",
    [logs, between(0, 12), between(0, 12)],
    ([log, cut, from]) => {
      const source = View.make()
      source.apply(log.slice(0, cut))
      const snapshot = { position: source.position, floor: source.floor, marks: [...source.marks()] }
      const first = View.make()
      first.restore(snapshot)
      first.apply(log.slice(from))
      const last = View.make()
      last.apply(log.slice(from))
      last.restore(snapshot)
      assert.deepStrictEqual(answers(first, log.length), answers(last, log.length))
      // Entries that only reach what the snapshot has already cost nothing: restoring first sees no gap.
      assert.strictEqual(first.position, from <= source.position ? log.length : source.position)
      assert.strictEqual(last.position, Math.max(from === 0 ? log.length : 0, source.position))
      assert.strictEqual(first.floor, last.floor)
      if (from <= source.position) {
        assert.deepStrictEqual(answers(first, log.length), model(log, floorOf(log), log.length))
      }
    },
    options
  )

  it.prop(
    "a raised floor makes nothing valid that was not",
    [logs, between(0, 14)],
    ([log, floor]) => {
      const view = View.make()
      view.apply(log)
      const before = answers(view, log.length)
      view.raiseFloor(floor)
      assert.strictEqual(view.floor, Math.max(floor, floorOf(log)))
      const after = answers(view, log.length)
      for (const [stamp, row] of after.entries()) {
        for (const [index, valid] of row.entries()) {
          assert.strictEqual(valid, before[stamp]?.[index] === true && stamp >= view.floor)
        }
      }
      for (const one of log) view.apply([one])
      for (const [, at] of view.marks()) assert.isAbove(at, view.floor)
    },
    options
  )

  it.prop(
    "the version changes whenever an answer does",
    [logs, draws, between(0, 12), between(0, 14)],
    ([log, order, cut, floor]) => {
      const source = View.make()
      source.apply(log.slice(0, cut))
      const snapshot = { position: source.position, floor: source.floor, marks: [...source.marks()] }
      const view = View.make()
      const steps = [
        ...reorder(log, order).map((one) => () => void view.apply([one])),
        () => view.restore(snapshot),
        () => view.raiseFloor(floor)
      ]
      for (const step of steps) {
        const before = { version: view.version, answers: answers(view, log.length) }
        step()
        if (view.version === before.version) assert.deepStrictEqual(answers(view, log.length), before.answers)
        else assert.isAbove(view.version, before.version)
      }
    },
    options
  )

  it.prop(
    "what was valid at an earlier version is asked about as if anew",
    [logs, logs, Arbitrary.array(tags, { maxLength: 4 }), between(0, 14), between(0, 14)],
    ([log, more, carried, stamp, floor]) => {
      const view = View.make()
      view.apply(log)
      if (!view.isValid(stamp, carried)) return
      const checkedAt = view.version
      const later = more.map((one) => ({ ...one, position: one.position + log.length, floor: undefined }))
      for (const one of later) {
        view.apply([one])
        assert.strictEqual(view.isStillValid(stamp, carried, checkedAt), view.isValid(stamp, carried))
      }
      view.raiseFloor(floor)
      assert.strictEqual(view.isStillValid(stamp, carried, checkedAt), view.isValid(stamp, carried))
    },
    options
  )

  it.prop("the marks are enough to say the same elsewhere", [logs], ([log]) => {
    const view = View.make()
    view.apply(log)
    const copy = View.make()
    copy.restore({ position: view.position, floor: view.floor, marks: [...view.marks()] })
    assert.strictEqual(copy.size, view.size)
    assert.deepStrictEqual(answers(copy, log.length), answers(view, log.length))
    assert.deepStrictEqual(
      everyTag.map((tag) => copy.reached(tag)),
      everyTag.map((tag) => view.reached(tag))
    )
  })

  it("an entry that an update wrote at its own position is valid, and what was loaded just before it is not", () => {
    const view = View.make()
    view.restore({ position: 41, floor: 40, marks: [] })
    view.apply([entry(42, [Tag.of("match", "17")])])
    assert.isTrue(view.isValid(42, [Tag.of("match", "17")]))
    assert.isFalse(view.isValid(41, [Tag.of("match", "17")]))
    assert.isTrue(view.isValid(41, [Tag.of("match", "18")]))
    assert.isFalse(view.isValid(39, [Tag.of("match", "18")]))
    assert.deepStrictEqual(view.invalidation(41, [Tag.of("team", "1"), Tag.of("match", "17")]), {
      tag: Tag.of("match", "17"),
      position: 42
    })
  })
})
