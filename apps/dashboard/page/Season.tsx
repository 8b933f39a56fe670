/**
 * The league table and the gameweek, as a fan sees them.
 */
import { SeasonNow } from "@letletme/warmer/live/Answers"
import { useEffect, useState } from "preact/hooks"
import { ask } from "./ask.ts"
import { day } from "./words.ts"

type Shown = typeof SeasonNow.Type
type Match = Shown["matches"][number]

// Asked again where the log has moved, and not more often than this (ms).
const pause = 1_000

/** The season, asked anew whenever something was invalidated. */
const useSeason = (position: number): Shown | undefined => {
  const [season, set] = useState<Shown>()
  useEffect(() => {
    const stop = new AbortController()
    const timer = setTimeout(() => {
      void ask("/live/season", SeasonNow, { signal: stop.signal }).then((asked) => {
        // Where it was not answered what was shown stays; the header says that the warmer is away.
        if (asked._tag === "Answered") set(asked.answer)
      })
    }, pause)
    return () => {
      clearTimeout(timer)
      stop.abort()
    }
  }, [position])
  return season
}

const score = ({ awayScore, homeScore }: Match): string =>
  homeScore === null || awayScore === null ? "–" : `${homeScore} : ${awayScore}`

const when = ({ finished, finishedProvisional, kickoff, minutes, started }: Match): string => {
  if (finished) return "full time"
  if (finishedProvisional) return "provisional"
  if (started) return `${minutes}′`
  return kickoff === null ? "not scheduled" : day(kickoff)
}

export const Season = ({ position }: { position: number }) => {
  const season = useSeason(position)
  if (season === undefined) {
    return (
      <section class="panel season" aria-label="Season">
        <h2>League table</h2>
        <p class="hint">The season is not there yet.</p>
      </section>
    )
  }
  const { gameweek, matches, table, teams } = season
  const nameOf = (id: number) => teams.find((team) => team.id === id)?.name ?? `Team ${id}`
  return (
    <section class="panel season" aria-labelledby="season-title">
      <h2 id="season-title">Season {season.season}</h2>
      <div class="season-columns">
        <div class="scroll" tabIndex={0} role="group" aria-label="League table">
          <table>
            <caption>League table{table.provisional ? ", provisional" : ""}</caption>
            <thead>
              <tr>
                <th scope="col" class="number">
                  <abbr title="Position">#</abbr>
                </th>
                <th scope="col">Team</th>
                {[
                  ["P", "Played"],
                  ["W", "Won"],
                  ["D", "Drawn"],
                  ["L", "Lost"],
                  ["GD", "Goal difference"],
                  ["Pts", "Points"]
                ].map(([short, long]) => (
                  <th key={short} scope="col" class="number">
                    <abbr title={long}>{short}</abbr>
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {table.rows.map((row) => (
                <tr key={row.team}>
                  <td class="number">{row.position}</td>
                  <th scope="row">{row.name}</th>
                  <td class="number">{row.played}</td>
                  <td class="number">{row.won}</td>
                  <td class="number">{row.drawn}</td>
                  <td class="number">{row.lost}</td>
                  <td class="number">{row.goalDifference > 0 ? `+${row.goalDifference}` : row.goalDifference}</td>
                  <td class="number points">{row.points}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
        <div>
          <h3>{gameweek === null ? "No gameweek" : gameweek.name}</h3>
          <ul class="matches">
            {matches.map((match) => (
              <li key={match.id} data-live={match.started && !match.finishedProvisional}>
                <span class="home">{nameOf(match.home)}</span>
                <span class="score">{score(match)}</span>
                <span class="away">{nameOf(match.away)}</span>
                <small>{when(match)}</small>
              </li>
            ))}
          </ul>
          {matches.length === 0 && <p class="hint">It has no match.</p>}
        </div>
      </div>
    </section>
  )
}
