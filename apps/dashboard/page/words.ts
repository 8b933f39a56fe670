/**
 * Numbers and times as people read them.
 */
const whole = new Intl.NumberFormat("en")
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 })

export const number = (value: number): string =>
  value < 10_000 ? whole.format(Math.round(value)) : short.format(value)

export const percent = (share: number | undefined): string =>
  share === undefined ? "–" : `${(share * 100).toFixed(share > 0.995 && share < 1 ? 2 : 1)} %`

export const bytes = (value: number): string => {
  if (value < 1024) return `${value} B`
  const kilo = value / 1024
  return kilo < 1024 ? `${kilo.toFixed(kilo < 10 ? 1 : 0)} kB` : `${(kilo / 1024).toFixed(kilo < 10_240 ? 1 : 0)} MB`
}

export const duration = (millis: number | null | undefined): string => {
  if (millis === null || millis === undefined) return "–"
  if (millis < 1_000) return `${millis < 10 ? millis.toFixed(1) : Math.round(millis)} ms`
  if (millis < 120_000) return `${Math.round(millis / 1000)} s`
  if (millis < 7_200_000) return `${Math.round(millis / 60_000)} min`
  if (millis < 172_800_000) return `${Math.round(millis / 3_600_000)} h`
  return `${Math.round(millis / 86_400_000)} days`
}

export const clock = (at: number): string => new Date(at).toLocaleTimeString("en-GB")

export const day = (at: number): string =>
  new Date(at).toLocaleString("en-GB", {
    weekday: "short",
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit"
  })
