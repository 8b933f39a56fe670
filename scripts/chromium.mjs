/**
 * Finds a Chromium for the tests of the dashboard, or installs one.
 */
import { fromApt, works } from "./install.mjs"

const names = [
  "chromium",
  "chromium-browser",
  "google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
]

const find = () => names.find((name) => works(name, "--version"))

/** What LETLETME_CHROMIUM holds for the tests: a command. */
export const chromium = async () => {
  if (process.env.LETLETME_CHROMIUM) return process.env.LETLETME_CHROMIUM
  const found = find()
  if (found !== undefined) return found
  if (await fromApt("chromium")) return find() ?? ""
  console.error(
    "The tests of the dashboard need a Chromium, and none could be found or installed.\n" +
      "Install it (Debian, Ubuntu: apt-get install chromium), or set LETLETME_CHROMIUM to its command."
  )
  process.exit(1)
}
