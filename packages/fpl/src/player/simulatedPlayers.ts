/**
 * The simulated season's players: thirty-five a club, whose prices and owners change from day to day.
 */
import { random, type Simulation } from "../source/Simulation.ts"

const day = 24 * 60 * 60 * 1_000
const squad = 35
const names = ["Ames", "Brook", "Croft", "Dale", "Evers", "Frost", "Garth", "Hale", "Ives", "Joss", "Kerr", "Lund"]
// Of ten: one goalkeeper, three defenders, four midfielders, two forwards.
const positions = [1, 2, 2, 2, 3, 3, 3, 3, 4, 4]

/** What `bootstrap-static` states of players at a time (epoch ms). */
export const simulatedPlayers = ({ clubs, options, start }: Simulation, time: number) => {
  const days = Math.max(0, Math.floor((time - start) / day))
  return {
    elements: clubs.flatMap((club) =>
      Array.from({ length: squad }, (_, place) => {
        const id = (club.id - 1) * squad + place + 1
        const next = random(options.seed * 1_000 + id)
        const cost = 40 + Math.floor(next() ** 3 * 80)
        const owners = next() ** 4 * 60
        const [swing, pace] = [next() * 4, 3 + next() * 20]
        // Some drift up, some down; most prices stay on most days.
        const drift = Math.sin((days + id) / pace)
        return {
          id,
          code: 100_000 + id,
          web_name: `${names[place % names.length] ?? ""} ${club.id}.${place + 1}`,
          team: club.id,
          team_code: club.code,
          element_type: positions[place % positions.length] ?? 3,
          now_cost: cost + Math.round(drift * swing * 0.8),
          selected_by_percent: Math.max(0, owners + drift * swing).toFixed(1),
          status: place % 17 === 16 ? "i" : "a",
          total_points: 0
        }
      })
    )
  }
}
