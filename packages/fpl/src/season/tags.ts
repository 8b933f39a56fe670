/**
 * The tags of the game's entities, as dependencies and lists name them.
 */
import { Tag } from "@letletme/cache"
import type { Season } from "./Season.ts"

export const season = (name: Season) => Tag.of("season", name)
export const event = (name: Season, id: number) => Tag.of("event", name, `${id}`)
export const anyEvent = (name: Season) => Tag.any("event", name)
export const phase = (name: Season, id: number) => Tag.of("phase", name, `${id}`)
export const team = (name: Season, id: number) => Tag.of("team", name, `${id}`)
/** Stands for "in no gameweek". */
export const unscheduled = (name: Season) => Tag.of("unscheduled", name)
