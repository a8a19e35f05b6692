/** The page on clients: its blocks run as they are printed, one after the other. */
import assert from 'node:assert/strict'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import pg from 'pg'

import { database } from './databases.js'

const ROOT = new URL('../../../', import.meta.url)

test('what docs/clients.md prints', async (t) => {
  const readme = await readFile(new URL('README.md', ROOT), 'utf8')
  const [, table] = readme.match(/^```sql\nCREATE EXTENSION clip_pg;\n(.*?)^```/ms)
  const { name, drop } = await database()
  t.after(drop)
  const client = new pg.Client({ database: name })
  await client.connect()
  await client.query(`${table}; INSERT INTO photos (path, image) VALUES ('/srv/photos/a.bmp', $$\\x${bitmap()}$$)`)
  await client.end()

  const page = await readFile(new URL('docs/clients.md', ROOT), 'utf8')
  const blocks = Array.from(page.matchAll(/^```js\n(.*?)^```/gms), ([, block]) => block)
  assert.equal(blocks.length, 4)
  // Beside the tests, where packages are found.
  const module = new URL(`docs-${process.pid}.mjs`, import.meta.url)
  t.after(() => rm(module))
  await writeFile(module, blocks.join('\n') + '\nexport { found, nearest }\n')
  process.env.PGDATABASE = name
  const { found, nearest } = await import(module.href)
  assert.equal(nearest.rows[0].file, 'a.bmp')
  assert.ok(found[0].embedding.equals(nearest.rows[0].embedding))
})

/** A picture of 8 × 8 pixels, a bitmap of Windows, in hexadecimal digits. */
function bitmap() {
  const bytes = Buffer.alloc(54 + 192, 90)
  bytes.fill(0, 0, 54)
  bytes.write('BM')
  bytes.writeUInt32LE(bytes.length, 2)
  bytes.writeUInt32LE(54, 10)
  for (const [offset, value] of [[14, 40], [18, 8], [22, 8], [34, 192]]) bytes.writeUInt32LE(value, offset)
  bytes.writeUInt16LE(1, 26)
  bytes.writeUInt16LE(24, 28)
  return bytes.toString('hex')
}
