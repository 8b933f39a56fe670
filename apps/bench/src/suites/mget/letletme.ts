import { Effect } from "effect"
import { main, repeatEffect } from "../../contest/Contestant.ts"
import { open } from "../Ours.ts"
import { ids, sizes, window } from "./Sizes.ts"

main(
  Effect.fnUntraced(function* (port) {
    const { matches } = yield* open(port)
    yield* matches.getMany(ids)
    return Object.fromEntries(
      sizes.map((size) => {
        const next = window(size)
        const read = Effect.suspend(() => {
          const from = next()
          return matches.getMany(ids.slice(from, from + size), { skip: "near" })
        })
        return [`${size} keys`, repeatEffect(1, read)]
      })
    )
  })
)
