/**
 * The warmer: command line and daemon.
 */
import { Main } from "@letletme/command"
import { Effect } from "effect"
import { Command } from "effect/cli"
import { warmer } from "./cli/Warmer.ts"
import * as Telemetry from "./Telemetry.ts"

Main.run(Command.run(warmer, { version: "0.1.0" }).pipe(Effect.provide(Telemetry.layerOtlp("letletme-warmer"))))
