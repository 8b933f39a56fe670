/**
 * The command line: `warmer` with all of its commands.
 */
import { Command } from "effect/cli"
import * as Administering from "./Administering.ts"
import * as Keeping from "./Keeping.ts"
import * as Looking from "./Looking.ts"
import { root } from "./Root.ts"

export const warmer = root.pipe(
  Command.withSubcommands([
    { group: "Keep it warm and right", commands: Keeping.commands },
    { group: "Look", commands: Looking.commands },
    { group: "Have a running warmer do it", commands: [Administering.command] }
  ])
)
