/** Databases of a server that libpq's environment names: PGHOST, PGPORT, PGUSER. */
import { randomBytes } from 'node:crypto'
import pg from 'pg'

/** A new database, and the function that drops it; with the extension in a schema, or without it where that is null. */
export async function database(schema = 'public') {
  const name = `clip_pg_node_${randomBytes(6).toString('hex')}`
  await administer('postgres', `CREATE DATABASE ${name}`)
  if (schema !== null) {
    await administer(name, `CREATE SCHEMA IF NOT EXISTS "${schema}"; CREATE EXTENSION clip_pg SCHEMA "${schema}"`)
  }
  if (schema !== 'public') await administer(name, 'CREATE DOMAIN clip_vector AS text')
  return { name, drop: () => administer('postgres', `DROP DATABASE ${name} WITH (FORCE)`) }
}

async function administer(database, statement) {
  const client = new pg.Client({ database })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
