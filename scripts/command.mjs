/**
 * Runs other programs, so that none outlives this one.
 */
import { spawn } from "node:child_process"
import { constants } from "node:os"

/** The exit code of a command that a signal ended, as shells give it. */
const codeOf = (signal) => 128 + constants.signals[signal]

/**
 * Runs a command and answers its exit code and, where its streams are pipes, what it printed.
 * `interrupted` says that this process was asked to end meanwhile: the caller should do nothing more.
 */
export const run = (command, args, options) =>
  new Promise((resolve) => {
    const child = spawn(command, args, options)
    let output = ""
    let interrupted = false
    // A terminal sends Ctrl-C to the whole group, so the child has it already; other signals are ours to pass on.
    const listeners = {
      SIGINT: () => (interrupted = true),
      SIGTERM: () => (interrupted = child.kill("SIGTERM") || true),
      SIGHUP: () => (interrupted = child.kill("SIGHUP") || true)
    }
    for (const [signal, listener] of Object.entries(listeners)) process.on(signal, listener)
    const finish = (code) => {
      for (const [signal, listener] of Object.entries(listeners)) process.off(signal, listener)
      resolve({ code, output, interrupted })
    }
    child.stdout?.on("data", (data) => (output += data))
    child.stderr?.on("data", (data) => (output += data))
    child.on("error", (error) => {
      console.error(error.message)
      finish(127)
    })
    child.on("close", (code, signal) => finish(code ?? codeOf(signal)))
  })
