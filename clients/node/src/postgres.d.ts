import type { Sql } from 'postgres'
import type { VectorType } from './index.js'

/**
 * Has all connections of postgres.js return vectors, and take them, arrays of numbers and texts for parameters.
 * @throws {ExtensionMissing} clip_pg is not installed in the database
 */
export declare function register(sql: Sql<any>): Promise<VectorType>
