/**
 * The warmer: command line and daemon.
 */
import { Main } from "@letletme/command"
import { Command } from "effect/cli"
import { warmer } from "./cli/Warmer.ts"

Main.run(Command.run(warmer, { version: "0.1.0" }))
