/**
 * What a command's exit code says: see `docs/cli.md`.
 */

/**
 * The exit codes of every command. Those of signals are 128 and the signal's number, as shells count them.
 *
 * @example
 * ```ts
 * import { ExitCode } from "@letletme/command"
 *
 * ExitCode.usage // 2
 * ```
 */
export const ExitCode = {
  /** Done, and what was looked at is right. */
  done: 0,
  /** It failed, or what was looked at is not right. */
  failed: 1,
  /** A flag, an argument or a setting is not understood: nothing was done. */
  usage: 2,
  /** A process that was asked refused it: nothing was done. */
  refused: 3,
  /** A process that was asked does not answer. */
  unreachable: 4,
  /** It did not stop in time after a signal, and was ended. */
  notStopped: 124,
  /** Ended by SIGINT, as by Ctrl-C. */
  interrupted: 130,
  /** Whoever read its output closed the pipe, as `head` does. */
  pipeClosed: 141,
  /** Ended by SIGTERM. */
  terminated: 143
} as const
