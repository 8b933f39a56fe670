/**
 * Installs programs that the tests need, with the system's packages.
 */
import { spawnSync } from "node:child_process"
import { run } from "./command.mjs"

/** Whether a command runs. */
export const works = (command, ...args) => spawnSync(command, args, { stdio: "ignore", timeout: 15_000 }).status === 0

/** Runs an installer, its output on standard error: standard output is the task's. */
export const install = async (what, how, command, ...args) => {
  console.error(`Installing ${what} with ${how} …`)
  const { code, interrupted } = await run(command, args, { stdio: ["ignore", 2, 2] })
  if (interrupted) process.exit(code || 130)
  return code === 0
}

/** A server that nobody asked for must not start: for the while, services are forbidden to. */
const apt = `
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  trap 'rm -f $policy' EXIT
  printf '#!/bin/sh\\nexit 101\\n' > $policy && chmod 755 $policy
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q && apt-get install -y -q "$0"`

/** Installs a package of Debian's or Ubuntu's; answers whether that could be done. */
export const fromApt = async (name) => {
  if (!works("apt-get", "--version")) return false
  const sudo = process.getuid?.() === 0 ? [] : ["sudo", "-n"]
  if (sudo.length > 0 && !works(...sudo, "true")) return false
  return install(name, "apt-get", ...sudo, "sh", "-c", apt, name)
}
