// Read by the compiler alone: whether what is declared can be used as it is meant.
import { drizzle } from 'drizzle-orm/node-postgres'
import { integer, pgTable } from 'drizzle-orm/pg-core'
import { Kysely, type Generated } from 'kysely'
import pg from 'pg'
import postgres from 'postgres'

import { Vector, vector, type VectorType } from 'clip-pg'
import * as d from 'clip-pg/drizzle'
import * as k from 'clip-pg/kysely'
import { register } from 'clip-pg/pg'
import { register as registerAll } from 'clip-pg/postgres'

const numbers: number[] = [...new Vector([1, 2])]
const one: Vector = vector('[1,2]')
const none: Vector | null = vector(null)
// @ts-expect-error
new Vector(['1'])

const type: Promise<VectorType> = register(new pg.Client())
const other: Promise<VectorType> = registerAll(postgres())

const item = pgTable('item', { id: integer().primaryKey(), embedding: d.clipVector({ dimensions: 3 }).notNull() })
const rows: Promise<{ id: number; embedding: Vector; distance: number }[]> = drizzle({ client: new pg.Pool() })
  .select({ id: item.id, embedding: item.embedding, distance: d.cosineDistance(item.embedding, [1, 2, 3]) })
  .from(item)
  .orderBy(d.cosineDistance(item.embedding, d.embedText('a dog')))

interface Database {
  item: { id: Generated<number>; embedding: k.ClipVectorColumn; words: k.ClipVectorColumn<null> }
}
declare const db: Kysely<Database>
const found: Promise<{ embedding: Vector; words: Vector | null; distance: number }[]> = db
  .selectFrom('item')
  .select(['embedding', 'words', k.l2Distance('embedding', one).as('distance')])
  .where(k.within('embedding', one, 0.5))
  .execute()
db.insertInto('item').values({ embedding: one, words: null })

export { found, none, numbers, other, rows, type }
