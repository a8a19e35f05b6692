import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { eq, sql as drizzleSql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { index, integer, pgTable } from 'drizzle-orm/pg-core'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'

import { Vector } from 'clip-pg'
import * as d from 'clip-pg/drizzle'
import * as k from 'clip-pg/kysely'
import { register } from 'clip-pg/pg'
import { database } from './databases.js'

let here, plain, told
before(async () => {
  here = await database()
  plain = new pg.Pool({ database: here.name })
  told = new pg.Pool({ database: here.name, onConnect: register })
  await plain.query(
    'CREATE TABLE item (id int PRIMARY KEY, embedding clip_vector(3), words clip_vector(512));' +
      "INSERT INTO item VALUES (1, '[1,1,1]'), (2, '[2,2,2]'), (3, '[1,1,2]');" +
      "UPDATE item SET words = clip_embed_text(CASE id WHEN 1 THEN 'a dog' WHEN 2 THEN 'a ship' ELSE 'a tree' END)",
  )
})
after(async () => {
  await Promise.all([plain.end(), told.end()])
  await here.drop()
})

const ids = (rows) => rows.map(({ id }) => id)

describe('drizzle', () => {
  const item = pgTable(
    'item',
    {
      id: integer().primaryKey(),
      embedding: d.clipVector({ dimensions: 3 }),
      words: d.clipVector('words', { dimensions: 512 }),
    },
    (table) => [
      index('item_l2').using('clip_hnsw', table.embedding.op('clip_l2_ops')).with({ m: 8 }),
    ],
  )

  for (const pool of ['plain', 'told']) {
    test(`with the driver ${pool}`, async () => {
      const db = drizzle({ client: pool === 'plain' ? plain : told })
      const by = async (distance) => ids(await db.select({ id: item.id }).from(item).orderBy(distance, item.id))
      const one = [1, 1, 1]
      assert.deepEqual(await by(d.l2Distance(item.embedding, one)), [1, 3, 2])
      assert.deepEqual(await by(d.l1Distance(item.embedding, new Vector(one))), [1, 3, 2])
      assert.deepEqual(await by(d.maxInnerProduct(item.embedding, '[1,1,1]')), [2, 3, 1])
      assert.deepEqual(await by(d.cosineDistance(item.embedding, one)), [1, 2, 3])
      assert.equal((await by(d.cosineDistance(item.words, d.embedText('a ship'))))[0], 2)
      assert.equal((await by(d.cosineDistance(item.words, d.embedText('a tree', 'clip-mini'))))[0], 3)
      const near = await db.select().from(item).where(d.within(item.embedding, one, 0.01)).orderBy(item.id)
      assert.deepEqual(ids(near), [1, 2])
      assert.ok(near[1].embedding instanceof Vector && near[1].embedding.equals([2, 2, 2]))
      const [{ s, e }] = await db
        .select({ s: d.similarity(item.embedding, item.embedding), e: d.embedText('a dog') })
        .from(item)
        .where(eq(item.id, 1))
      assert.ok(Math.abs(s - 1) < 1e-6 && e instanceof Vector && e.length === 512)
      assert.deepEqual(await by(d.l2Distance(item.embedding, null)), [1, 2, 3])
      await db.transaction(async (tx) => {
        await tx.insert(item).values({ id: 4, embedding: new Vector([4, 5, 6]) })
        await tx.update(item).set({ embedding: null }).where(eq(item.id, 1))
        const changed = drizzleSql`${item.id} IN (1, 4)`
        const rows = await tx.select({ embedding: item.embedding }).from(item).where(changed).orderBy(item.id)
        assert.deepEqual(rows.map(({ embedding }) => embedding && embedding.toArray()), [null, [4, 5, 6]])
        tx.rollback()
      }).catch((error) => assert.match(error.message, /[Rr]ollback/))
    })
  }

  test('names of types', () => {
    assert.equal(item.embedding.getSQLType(), 'clip_vector(3)')
    assert.equal(pgTable('t', { v: d.clipVector() }).v.getSQLType(), 'clip_vector')
  })
})

test('kysely', async () => {
  const db = new Kysely({ dialect: new PostgresDialect({ pool: told }) })
  const by = async (distance) => ids(await db.selectFrom('item').select('id').orderBy(distance).orderBy('id').execute())
  const one = [1, 1, 1]
  assert.deepEqual(await by(k.l2Distance('embedding', one)), [1, 3, 2])
  assert.deepEqual(await by(k.l1Distance('item.embedding', new Vector(one))), [1, 3, 2])
  assert.deepEqual(await by(k.maxInnerProduct('embedding', '[1,1,1]')), [2, 3, 1])
  assert.deepEqual(await by(k.cosineDistance('embedding', one)), [1, 2, 3])
  assert.equal((await by(k.cosineDistance('words', k.embedText('a ship'))))[0], 2)
  assert.equal((await by(k.cosineDistance('words', k.embedText('a tree', 'clip-mini'))))[0], 3)
  const near = db.selectFrom('item').selectAll().where(k.within('embedding', one, 0.01)).orderBy('id')
  const rows = await near.execute()
  assert.deepEqual(ids(rows), [1, 2])
  assert.ok(rows[1].embedding instanceof Vector && rows[1].embedding.equals([2, 2, 2]))
  const { s } = await db
    .selectFrom('item')
    .select((e) => k.similarity('embedding', e.ref('embedding')).as('s'))
    .executeTakeFirst()
  assert.ok(Math.abs(s - 1) < 1e-6)
  assert.deepEqual(await by(k.l2Distance('embedding', null)), [1, 2, 3])
  await db.insertInto('item').values({ id: 4, embedding: new Vector([4, 5, 6]) }).execute()
  await db.deleteFrom('item').where('id', '=', 4).execute()
})
