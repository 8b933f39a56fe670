/**
 * Where gameweeks and matches are in their lives: how long what is known of them is believed, and when the source is
 * asked next. One rule serves both.
 */
import { Duration } from "effect"
import type { Event } from "../event/Event.ts"
import { type Match, status } from "../match/Match.ts"

/**
 * A stage of life. `live`: it may change any second. `deadline`: a gameweek is about to begin, or has just begun.
 * `pending`: it is played, and its figures are not final. `settled`: nothing happens soon. `final`: nothing is expected
 * to change any more.
 */
export type Stage = "live" | "deadline" | "pending" | "settled" | "final"

/** How long something is believed at each stage. */
export const freshness: Readonly<Record<Stage, Duration.Duration>> = {
  live: Duration.seconds(30),
  deadline: Duration.minutes(1),
  pending: Duration.minutes(10),
  settled: Duration.hours(6),
  final: Duration.days(30)
}

const hour = Duration.toMillis("1 hour")
const lengths = {
  live: Duration.toMillis(freshness.live),
  deadline: Duration.toMillis(freshness.deadline),
  pending: Duration.toMillis(freshness.pending),
  settled: Duration.toMillis(freshness.settled),
  final: Duration.toMillis(freshness.final)
}

// The game is closed for about an hour after a deadline; before it, it may still be moved.
const aroundDeadline = hour
// A match lasts two hours; one that did not end by then is not being told of.
const longestMatch = 4 * hour
// A gameweek whose figures were never checked stays as it is: several of 2019-20 did.
const longestCheck = Duration.toMillis("14 days")

/** The stage of a match at a time (epoch ms). One whose kick-off has passed is live, whatever the source says. */
export const ofMatch = (match: Match, now: number): Stage => {
  const { kickoff } = match
  switch (status(match)) {
    case "final":
      return "final"
    case "provisional":
      return "pending"
    case "unscheduled":
      return "settled"
    case "live":
      return kickoff === null || now < kickoff + longestMatch ? "live" : "pending"
    case "scheduled":
      return kickoff !== null && kickoff <= now && now < kickoff + longestMatch ? "live" : "settled"
  }
}

/** The stage of a gameweek at a time (epoch ms). */
export const ofEvent = (event: Event, now: number): Stage => {
  if (event.finished && event.dataChecked) return "final"
  if (Math.abs(now - event.deadline) <= aroundDeadline) return "deadline"
  return event.deadline < now && now < event.deadline + longestCheck ? "pending" : "settled"
}

/** What is settled is believed until something begins. */
const until = (begins: number | null, now: number): number =>
  begins === null || begins <= now ? lengths.settled : Math.min(lengths.settled, begins - now)

/** How long a match that is stored now is believed (ms). */
export const matchFreshness = (match: Match, now: number): number => {
  const stage = ofMatch(match, now)
  return stage === "settled" ? until(match.kickoff, now) : lengths[stage]
}

/** How long a gameweek that is stored now is believed (ms). */
export const eventFreshness = (event: Event, now: number): number => {
  const stage = ofEvent(event, now)
  return stage === "settled" ? until(event.deadline - aroundDeadline, now) : lengths[stage]
}

/**
 * How long after now (epoch ms) the source is asked again (ms): when the first of what is not final is no longer
 * believed. What is final costs nothing; once everything is, a day passes.
 */
export const untilNextPoll = (
  season: { readonly events: ReadonlyArray<Event>; readonly matches: ReadonlyArray<Match> },
  now: number
): number =>
  Math.min(
    Duration.toMillis("1 day"),
    ...season.events.map((event) => eventFreshness(event, now)),
    ...season.matches.map((match) => matchFreshness(match, now))
  )
