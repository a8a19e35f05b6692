import type { Column, SQL, SQLWrapper } from 'drizzle-orm'
import type { customType } from 'drizzle-orm/pg-core'
import type { Vector, VectorLike } from './index.js'

/** A column of the type `clip_vector(dimensions)`: `clipVector('embedding', { dimensions: 512 })`. */
export declare const clipVector: ReturnType<
  typeof customType<{ data: Vector; driverData: string; config: { dimensions?: number } }>
>

type Operand = VectorLike | SQLWrapper

/** `<=>`, from 0 to 2; NaN where a vector is zero. */
export declare function cosineDistance(column: Column | SQLWrapper, value: Operand): SQL<number>
/** `<->`. */
export declare function l2Distance(column: Column | SQLWrapper, value: Operand): SQL<number>
/** `<+>`. */
export declare function l1Distance(column: Column | SQLWrapper, value: Operand): SQL<number>
/** `<#>`, the negative inner product, so that the greatest comes first in ascending order. */
export declare function maxInnerProduct(column: Column | SQLWrapper, value: Operand): SQL<number>
/** `clip_similarity`, 1 for the same direction. */
export declare function similarity(column: Column | SQLWrapper, value: Operand): SQL<number>
/** `clip_within`, whether the cosine distance is at most `distance`: what an index looks up. */
export declare function within(column: Column | SQLWrapper, value: Operand, distance: number | SQLWrapper): SQL<boolean>

/** What a model makes of a text, the one of `clip_pg.model` unless given: computed by the server, once a query. */
export declare function embedText(text: string, model?: string): SQL<Vector>
