/**
 * The phases in the database.
 */
import { Context } from "effect"
import type { Repository } from "../season/Repository.ts"
import type { Phase } from "./Phase.ts"

/** The repository of phases. */
export class PhaseRepository extends Context.Service<PhaseRepository, Repository<Phase>>()(
  "@letletme/fpl/PhaseRepository"
) {}
