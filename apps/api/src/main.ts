/**
 * The read API as a process.
 */
import { Main } from "@letletme/command"
import { flags } from "@letletme/warmer/Settings"
import * as Telemetry from "@letletme/warmer/Telemetry"
import { Effect } from "effect"
import { Command, Flag } from "effect/cli"
import { run } from "./Run.ts"

const api = Command.make(
  "api",
  {
    store: flags.store,
    database: flags.database,
    source: flags.source,
    season: flags.season,
    deductions: flags.deductions,
    port: Flag.Int("port").pipe(Flag.withDescription("The port; 0 takes a free one"), Flag.withDefault(8788)),
    host: Flag.String("host").pipe(
      Flag.withDescription("The address to listen at; 0.0.0.0 is every one"),
      Flag.withDefault("127.0.0.1")
    ),
    rate: Flag.Finite("rate").pipe(
      Flag.withDescription(
        "How often one address may ask in a second (default: no limit; behind a proxy, let that limit)"
      ),
      Flag.optional
    ),
    drain: Flag.Finite("drain").pipe(
      Flag.withDescription("Seconds that requests under way may take once it stops"),
      Flag.withDefault(10)
    )
  },
  ({ drain, host, port, rate, ...where }) => run(where, { drain, host, port, rate })
).pipe(
  Command.withDescription("Serve gameweeks, phases, teams, matches and tables over HTTP, as the caches hold them"),
  Command.withExamples([
    { command: "api", description: "Serve a simulated season, kept in memory" },
    {
      command: "api --store redis://localhost:6379 --database postgres://localhost/fpl",
      description: "Serve what a warmer keeps warm"
    }
  ])
)

Main.run(Command.run(api, { version: "0.1.0" }).pipe(Effect.provide(Telemetry.layerOtlp("letletme-api"))))
