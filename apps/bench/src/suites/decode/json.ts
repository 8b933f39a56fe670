/** From the bytes of a value to the value: JSON, unchecked; or by Effect's schema as it is without its compiler. */
import { Effect, Schema } from "effect"
import { main, repeat } from "../../contest/Contestant.ts"
import { Match, matchOf } from "../Data.ts"

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Match))

main(() =>
  Effect.sync(() => {
    const bytes = Array.from({ length: 1_000 }, (_, id) => Buffer.from(JSON.stringify(matchOf(id))))
    let found = 0
    return {
      decode: repeat(bytes.length, () => {
        for (const one of bytes) {
          const value: unknown = JSON.parse(one.toString("utf8"))
          if (value !== null) found++
        }
      }),
      "decode by schema": repeat(bytes.length, () => {
        for (const one of bytes) if (decode(one.toString("utf8")).id >= 0) found++
      })
    }
  })
)
