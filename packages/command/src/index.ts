/**
 * What every command line of this workspace shares.
 */
export { ExitCode } from "./ExitCode.ts"
export * as Help from "./Help.ts"
export * as Main from "./Main.ts"
export { wrap } from "./wrap.ts"
