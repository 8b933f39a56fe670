/**
 * The command that all others are part of: the flags that they share, and the caches over what these name.
 */
import { Effect } from "effect"
import { Argument, Command } from "effect/cli"
import * as App from "../App.ts"
import { placeOf } from "../Database.ts"
import { flags, type Shared, storeOf } from "../Settings.ts"
import * as Source from "../Source.ts"

export const root = Command.make("warmer").pipe(
  Command.withSharedFlags(flags),
  Command.withDescription("Keeps a cache of Fantasy Premier League data warm, and lets you look into it"),
  Command.withExamples([
    { command: "warmer run", description: "Play a simulated season, and keep it warm" },
    { command: "warmer doctor --store redis://localhost:6379", description: "Look for what is set up wrong" }
  ])
)

/** The caches over the store and the source that the flags name. */
export const appOf = Effect.fnUntraced(function* (shared: Shared) {
  return App.layer(shared, yield* storeOf(shared.store), yield* placeOf(shared.database), Source.layer(shared))
})

/** The same, with a season in the database: for commands that only look. */
export const appWithSeason = Effect.fnUntraced(function* (shared: Shared) {
  const store = yield* storeOf(shared.store)
  return App.layerWithSeason(shared, store, yield* placeOf(shared.database), Source.layer(shared))
})

export const key = Argument.String("key").pipe(
  Argument.withDescription("A key, such as match:2030-31:17, match:event:2030-31:28:ids or standing:2030-31:overall")
)

export const file = Argument.File("file").pipe(Argument.withDescription("A path, such as season.backup"))
