import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import pg from 'pg'
import postgres from 'postgres'

import { ExtensionMissing, Vector } from 'clip-pg'
import * as forPg from 'clip-pg/pg'
import * as forPostgres from 'clip-pg/postgres'
import { database } from './databases.js'

const ONE = new Vector([1.5, -2, 3])
const OTHER = new Vector([0.1, 0, 65504])

let here, elsewhere, without
before(async () => {
  ;[here, elsewhere, without] = await Promise.all([database(), database('Odd Schema'), database(null)])
})
after(() => Promise.all([here, elsewhere, without].map(({ drop }) => drop())))

function same(actual, expected) {
  assert.equal(JSON.stringify(actual), JSON.stringify(expected))
}

describe('pg', () => {
  async function connected(name, use) {
    const client = new pg.Client({ database: name })
    await client.connect()
    try {
      await use(client)
    } finally {
      await client.end()
    }
  }

  test('there and back', () =>
    connected(here.name, async (client) => {
      await forPg.register(client)
      const one = await client.query('SELECT $1::clip_vector AS v, NULL::clip_vector AS n', [ONE])
      assert.ok(one.rows[0].v instanceof Vector && one.rows[0].v.equals(ONE) && one.rows[0].n === null)
      const array = await client.query('SELECT $1::clip_vector[] AS v', [[ONE, null, OTHER]])
      same(array.rows[0].v, [ONE, null, OTHER])
      await client.query('CREATE TEMP TABLE item (id int, embedding clip_vector(3))')
      await client.query('INSERT INTO item VALUES (1, $1), (2, $2)', [ONE, OTHER])
      const nearest = await client.query('SELECT id FROM item ORDER BY embedding <=> $1', [OTHER])
      same(nearest.rows, [{ id: 2 }, { id: 1 }])
      const classifier = await client.query("SELECT clip_classifier('{a dog,a cat}'::text[]) AS c")
      assert.equal(typeof classifier.rows[0].c, 'string')
    }))

  test('in a pool', async () => {
    const pool = new pg.Pool({ database: here.name, onConnect: forPg.register })
    same((await pool.query('SELECT $1::clip_vector AS v', [ONE])).rows, [{ v: ONE }])
    await pool.end()
  })

  test('elsewhere', () =>
    connected(elsewhere.name, async (client) => {
      assert.equal((await forPg.register(client)).schema, 'Odd Schema')
      same((await client.query('SELECT $1::"Odd Schema".clip_vector AS v', [ONE])).rows, [{ v: ONE }])
    }))

  test('without the extension', () =>
    connected(without.name, async (client) => {
      await assert.rejects(forPg.register(client), ExtensionMissing)
      const pool = new pg.Pool({ database: without.name, onConnect: forPg.register })
      await assert.rejects(pool.query('SELECT 1'), ExtensionMissing)
      await pool.end()
    }))
})

describe('postgres.js', () => {
  async function connected(name, use) {
    const sql = postgres({ host: process.env.PGHOST, database: name, onnotice() {} })
    try {
      await use(sql)
    } finally {
      await sql.end()
    }
  }

  test('there and back', () =>
    connected(here.name, async (sql) => {
      await forPostgres.register(sql)
      for (const sent of [ONE, ONE.toArray(), '[1.5,-2,3]', new Float32Array(ONE)]) {
        const [row] = await sql`SELECT ${sent}::clip_vector AS v, NULL::clip_vector AS n`
        assert.ok(row.v instanceof Vector && row.v.equals(ONE) && row.n === null)
      }
      const [row] = await sql`SELECT ${[ONE, null, OTHER]}::clip_vector[] AS v`
      same(row.v, [ONE, null, OTHER])
      await sql`CREATE TABLE item (id int, embedding clip_vector(3))`
      await sql`INSERT INTO item ${sql([{ id: 1, embedding: ONE }, { id: 2, embedding: OTHER }])}`
      same(await sql`SELECT id FROM item ORDER BY embedding <=> ${OTHER}`, [{ id: 2 }, { id: 1 }])
    }))

  test('elsewhere', () =>
    connected(elsewhere.name, async (sql) => {
      assert.equal((await forPostgres.register(sql)).schema, 'Odd Schema')
      same(await sql`SELECT ${ONE}::"Odd Schema".clip_vector AS v`, [{ v: ONE }])
    }))

  test('without the extension', () =>
    connected(without.name, (sql) => assert.rejects(forPostgres.register(sql), ExtensionMissing)))
})
