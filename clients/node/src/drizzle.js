import { sql } from 'drizzle-orm'
import { customType } from 'drizzle-orm/pg-core'

import { vector } from './index.js'

/** A column of the type `clip_vector(dimensions)`: `clipVector('embedding', { dimensions: 512 })`. */
export const clipVector = customType({
  dataType: (config) =>
    config?.dimensions === undefined ? 'clip_vector' : `clip_vector(${Number(config.dimensions)})`,
  toDriver: (value) => vector(value).toText(),
  fromDriver: vector,
})

/** A value as a parameter; an expression as it is. */
function operand(value) {
  return value === null || value?.getSQL === undefined ? sql`${vector(value)?.toText() ?? null}::clip_vector` : value
}

/** `<=>`, from 0 to 2. */
export const cosineDistance = (column, value) => sql`${column} <=> ${operand(value)}`.mapWith(Number)
/** `<->`. */
export const l2Distance = (column, value) => sql`${column} <-> ${operand(value)}`.mapWith(Number)
/** `<+>`. */
export const l1Distance = (column, value) => sql`${column} <+> ${operand(value)}`.mapWith(Number)
/** `<#>`, the negative inner product. */
export const maxInnerProduct = (column, value) => sql`${column} <#> ${operand(value)}`.mapWith(Number)
/** `clip_similarity`, 1 for the same direction. */
export const similarity = (column, value) => sql`clip_similarity(${column}, ${operand(value)})`.mapWith(Number)
/** `clip_within`, whether the cosine distance is at most `distance`: what an index looks up. */
export const within = (column, value, distance) => sql`clip_within(${column}, ${operand(value)}, ${distance})`

/** What a model makes of a text, the one of `clip_pg.model` unless given: computed by the server, once a query. */
export const embedText = (text, model) =>
  (model === undefined
    ? sql`(SELECT clip_embed_text(${text}::text))`
    : sql`(SELECT clip_embed_text(${text}::text, ${model}::text))`
  ).mapWith(vector)
