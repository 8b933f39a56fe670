/**
 * One call for many items, made as several.
 */
import { Effect } from "effect"

/**
 * Calls for the items of each part, at most `limit` of them at a time, and for parts in parallel. Answers in the order
 * of the items; `undefined` where a call answered short. Without `partOf` all items are of one part.
 */
export const inParts = <A, B, E>(
  items: ReadonlyArray<A>,
  { limit, partOf }: { readonly limit: number; readonly partOf: ((item: A) => string | number) | undefined },
  call: (some: ReadonlyArray<A>) => Effect.Effect<ReadonlyArray<B>, E>
): Effect.Effect<ReadonlyArray<B | undefined>, E> => {
  if (partOf === undefined && items.length <= limit) return call(items)
  const numbered = items.map((item, index) => ({ item, index }))
  const parts = partOf === undefined ? [numbered] : [...Map.groupBy(numbered, ({ item }) => partOf(item)).values()]
  const pieces = parts.flatMap((part) =>
    Array.from({ length: Math.ceil(part.length / limit) }, (_, index) => part.slice(index * limit, (index + 1) * limit))
  )
  return Effect.map(
    Effect.forEach(pieces, (piece) => call(piece.map(({ item }) => item)), {
      // What waits in a server's queue waits against its time-out: large pieces go few at a time, small ones many.
      concurrency: partOf === undefined ? 4 : 512
    }),
    (answers) => {
      const all = Array.from<B | undefined>({ length: items.length })
      for (const [at, piece] of pieces.entries()) {
        for (const [within, { index }] of piece.entries()) all[index] = answers[at]?.[within]
      }
      return all
    }
  )
}
