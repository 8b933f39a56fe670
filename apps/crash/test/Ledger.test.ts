import { assert, describe, it } from "@effect/vitest"
import * as Ledger from "@letletme/crash/Ledger"
import { allOf, causeOf, keysOf, type Operation, published, updated } from "@letletme/crash/Model"

const update = (mark: number): Operation => ({ _tag: "Update", mark, kind: "team", ids: [3, 4] })
const publication = (mark: number): Operation => ({ _tag: "Publication", mark })

/** The rows after these operations, over rows that all show 0. */
const rowsAfter = (...operations: ReadonlyArray<Operation>) => {
  const marks = Object.fromEntries([...allOf(updated), ...allOf(published)].map((key) => [key, 0]))
  for (const operation of operations) for (const key of keysOf(operation)) marks[key] = operation.mark
  return marks
}

const told = (...operations: ReadonlyArray<Operation>) =>
  Object.fromEntries(operations.map((operation) => [causeOf(operation), 1]))

/** A ledger in which both were begun, and the first was acknowledged. */
const opened = (first: Operation, second: Operation) => {
  const ledger = Ledger.make(0)
  ledger.begin(first)
  ledger.acknowledge(first.mark, true)
  ledger.begin(second)
  return ledger
}

describe("the ledger", () => {
  const [first, second] = [update(1), update(2)]

  it("takes what was cut off for made, or for not made", () => {
    const without = opened(first, second)
    assert.deepStrictEqual(without.judge({ marks: rowsAfter(first), appended: told(first) }), [])
    assert.include(without.counts(), { acknowledged: 1, madeAnyway: 0, undone: 1, appended: 1 })
    const made = opened(first, second)
    assert.deepStrictEqual(made.judge({ marks: rowsAfter(first, second), appended: told(first, second) }), [])
    assert.include(made.counts(), { acknowledged: 1, madeAnyway: 1, undone: 0, appended: 2 })
  })

  it("finds an acknowledged update that was lost, also later", () => {
    const ledger = opened(first, second)
    assert.lengthOf(ledger.judge({ marks: rowsAfter(), appended: told(first) }), 3)
    const later = opened(first, second)
    later.judge({ marks: rowsAfter(first), appended: told(first) })
    assert.lengthOf(later.judge({ marks: rowsAfter(), appended: {} }), 2)
  })

  it("finds a change that was never told, told twice, or told and not made", () => {
    const problems = (operations: ReadonlyArray<Operation>, appended: Readonly<Record<string, number>>) =>
      opened(first, second).judge({ marks: rowsAfter(...operations), appended })
    assert.deepStrictEqual(problems([first], {}), ['"update 1" is committed, and was never told'])
    assert.deepStrictEqual(problems([first, second], told(first)), ['"update 2" is committed, and was never told'])
    assert.deepStrictEqual(problems([first], { "update 1": 2 }), ['"update 1" was told 2 times'])
    assert.deepStrictEqual(problems([first], told(first, second)), ['"update 2" was told, and is not committed'])
  })

  it("finds what is told again in a later round", () => {
    const ledger = opened(first, second)
    ledger.judge({ marks: rowsAfter(first), appended: told(first) })
    assert.deepStrictEqual(ledger.judge({ marks: rowsAfter(first), appended: told(first) }), [
      '"update 1" was told 1 times too often'
    ])
  })

  it("finds a publication that was made by halves", () => {
    const next = publication(2)
    const marks = rowsAfter(first, next)
    const [one = ""] = keysOf(next)
    const problems = opened(first, next).judge({ marks: { ...marks, [one]: 0 }, appended: told(first, next) })
    assert.deepStrictEqual(problems, [`"${causeOf(next)}" was made by halves`])
  })
})
