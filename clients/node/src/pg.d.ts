import type { ClientBase } from 'pg'
import type { VectorType } from './index.js'

/**
 * Has a client of pg return vectors, in arrays, too; also each of a pool, as its `onConnect`.
 * @throws {ExtensionMissing} clip_pg is not installed in the database
 */
export declare function register(client: ClientBase): Promise<VectorType>
