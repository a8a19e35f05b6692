import type { ColumnType, Expression, RawBuilder } from 'kysely'
import type { Vector, VectorLike } from './index.js'

/** A column in the interface of a database: `embedding: ClipVectorColumn`, or of one that may be null. */
export type ClipVectorColumn<N extends null = never> = ColumnType<Vector | N, Vector | N, Vector | N>

type Reference = string | Expression<any>
type Operand = VectorLike | Expression<any>

/** `<=>`, from 0 to 2; NaN where a vector is zero. */
export declare function cosineDistance(reference: Reference, value: Operand): RawBuilder<number>
/** `<->`. */
export declare function l2Distance(reference: Reference, value: Operand): RawBuilder<number>
/** `<+>`. */
export declare function l1Distance(reference: Reference, value: Operand): RawBuilder<number>
/** `<#>`, the negative inner product, so that the greatest comes first in ascending order. */
export declare function maxInnerProduct(reference: Reference, value: Operand): RawBuilder<number>
/** `clip_similarity`, 1 for the same direction. */
export declare function similarity(reference: Reference, value: Operand): RawBuilder<number>
/** `clip_within`, whether the cosine distance is at most `distance`: what an index looks up. */
export declare function within(
  reference: Reference,
  value: Operand,
  distance: number | Expression<any>,
): RawBuilder<boolean>

/** What a model makes of a text, the one of `clip_pg.model` unless given: computed by the server, once a query. */
export declare function embedText(text: string, model?: string): RawBuilder<Vector>
