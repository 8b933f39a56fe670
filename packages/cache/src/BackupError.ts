/**
 * What can go wrong with a backup's file, as one tagged error with a tagged reason.
 */
import { Schema } from "effect"

/** The file could not be opened, read, written or renamed. */
export class FileFailed extends Schema.TaggedError<FileFailed>()("FileFailed", {
  file: Schema.String,
  operation: Schema.String,
  cause: Schema.Defect()
}) {
  override get message(): string {
    const cause = this.cause instanceof Error ? this.cause.message : String(this.cause)
    return `${this.operation} ${this.file} failed: ${cause}. Check the path, its permissions and the space left.`
  }
}

/** The file is no backup, was cut off, or was altered. Nothing was restored from it. */
export class Damaged extends Schema.TaggedError<Damaged>()("Damaged", { file: Schema.String, detail: Schema.String }) {
  override get message(): string {
    return `${this.file} is no whole backup: ${this.detail}. Nothing was restored. Use another copy, or warm the cache instead.`
  }
}

/** Another version of this program wrote the file. Nothing was restored from it. */
export class OtherVersion extends Schema.TaggedError<OtherVersion>()("OtherVersion", {
  file: Schema.String,
  version: Schema.String
}) {
  override get message(): string {
    return `${this.file} is a backup of version ${this.version}, and this program reads version 1. Restore it with the program that wrote it.`
  }
}

/** The error of `Backup`. */
export class BackupError extends Schema.TaggedError<BackupError>()("BackupError", {
  reason: Schema.Union([FileFailed, Damaged, OtherVersion])
}) {
  override get message(): string {
    return this.reason.message
  }
}
