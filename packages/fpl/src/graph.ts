/**
 * The dependency graph of the game: a domain's line names what it depends on.
 */
import { DependencyGraph } from "@letletme/cache"

/** What each domain depends on directly. */
export const graph = DependencyGraph.make({
  event: [],
  phase: ["event"],
  team: ["event"],
  match: ["phase", "team"],
  player: ["team", "event"],
  standing: ["match"]
})
