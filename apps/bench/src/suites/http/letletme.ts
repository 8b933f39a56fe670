import { Effect, Record } from "effect"
import { main } from "../../contest/Contestant.ts"
import * as Load from "./Load.ts"
import { paths, serve } from "./Season.ts"

main(
  Effect.fnUntraced(function* (redis) {
    const load = yield* Load.make
    const port = yield* serve(redis, "http-letletme")
    return Record.map(paths, (path) => load(port, path))
  })
)
