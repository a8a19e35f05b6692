import { sql } from 'kysely'

import { vector } from './index.js'

/** A value as a parameter; an expression as it is. */
function operand(value) {
  return value !== null && typeof value?.toOperationNode === 'function'
    ? value
    : sql`${vector(value)?.toText() ?? null}::clip_vector`
}

/** The name of a column, or an expression. */
function column(reference) {
  return typeof reference === 'string' ? sql.ref(reference) : reference
}

/** `<=>`, from 0 to 2. */
export const cosineDistance = (reference, value) => sql`${column(reference)} <=> ${operand(value)}`
/** `<->`. */
export const l2Distance = (reference, value) => sql`${column(reference)} <-> ${operand(value)}`
/** `<+>`. */
export const l1Distance = (reference, value) => sql`${column(reference)} <+> ${operand(value)}`
/** `<#>`, the negative inner product. */
export const maxInnerProduct = (reference, value) => sql`${column(reference)} <#> ${operand(value)}`
/** `clip_similarity`, 1 for the same direction. */
export const similarity = (reference, value) => sql`clip_similarity(${column(reference)}, ${operand(value)})`
/** `clip_within`, whether the cosine distance is at most `distance`: what an index looks up. */
export const within = (reference, value, distance) =>
  sql`clip_within(${column(reference)}, ${operand(value)}, ${distance})`

/** What a model makes of a text, the one of `clip_pg.model` unless given: computed by the server, once a query. */
export const embedText = (text, model) =>
  model === undefined
    ? sql`(SELECT clip_embed_text(${text}::text))`
    : sql`(SELECT clip_embed_text(${text}::text, ${model}::text))`
