/**
 * The tags of the game's entities, as dependencies and lists name them.
 */
import { Tag } from "@letletme/cache"
import type { Season } from "./Season.ts"

/** A season. */
export const season = (name: Season) => Tag.of("season", name)
/** A gameweek of a season. */
export const event = (name: Season, id: number) => Tag.of("event", name, `${id}`)
/** Every gameweek of a season. */
export const anyEvent = (name: Season) => Tag.any("event", name)
/** A phase of a season. */
export const phase = (name: Season, id: number) => Tag.of("phase", name, `${id}`)
/** A team of a season. */
export const team = (name: Season, id: number) => Tag.of("team", name, `${id}`)
/** Stands for "in no gameweek". */
export const unscheduled = (name: Season) => Tag.of("unscheduled", name)
