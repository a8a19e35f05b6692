import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'

import { MAX_DIMENSIONS, Vector, vector, vectorsFromText } from 'clip-pg'
import { database } from './databases.js'

test('is made of numbers', () => {
  for (const values of [[1.5, -2, 3], new Float32Array([1.5, -2, 3]), new Set([1.5, -2, 3]), new Vector([1.5, -2, 3])]) {
    const made = new Vector(values)
    assert.deepEqual(made.toArray(), [1.5, -2, 3])
    assert.deepEqual([made.length, `${made}`, JSON.stringify({ made })], [3, '[1.5,-2,3]', '{"made":[1.5,-2,3]}'])
    assert.ok(made.equals([1.5, -2, 3]) && !made.equals([1.5, -2]) && !made.equals([1.5, -2, 4]))
  }
})

test('is not made of what is none', () => {
  for (const [values, error, message] of [
    [1, TypeError, /made of numbers/],
    [null, TypeError, /made of numbers/],
    ['[1]', TypeError, /fromText/],
    [[1, '2'], TypeError, /element 2 of a vector is no number: 2/],
    [[NaN], RangeError, /element 1 .* not between -65504 and 65504: NaN/],
    [[0, -Infinity], RangeError, /element 2/],
    [[65520], RangeError, /65520/],
    [[], RangeError, /1 to 16000 dimensions, not 0/],
    [Array(MAX_DIMENSIONS + 1).fill(0), RangeError, /not 16001/],
  ]) {
    assert.throws(() => new Vector(values), { name: error.name, message })
  }
  for (const text of ['', '1,2', '[1,2', '{}', '[1,]', `[${'1;'.repeat(99)}`]) {
    assert.throws(() => Vector.fromText(text), SyntaxError)
  }
})

test('rounds once to the nearest, ties to even', () => {
  assert.deepEqual(
    new Vector([0.1, 65519.99, 1e-8, 1.00048828125, 1.00048828126, 1.00146484375, -3e-8]).toArray(),
    [0.0999755859375, 65504, 0, 1, 1.0009765625, 1.001953125, -(2 ** -24)],
  )
})

test('what stands for one', () => {
  assert.equal(vector(null), null)
  assert.equal(vector(undefined), null)
  assert.ok(vector('[1, 2]').equals(vector([1, 2])))
  assert.deepEqual(vectorsFromText('{"[1,2]",NULL,"[3]"}').map((v) => v && v.toArray()), [[1, 2], null, [3]])
  assert.deepEqual(vectorsFromText('{}'), [])
})

test('every half is to the server what it is here', async (t) => {
  const { name, drop } = await database()
  t.after(drop)
  const client = new pg.Client({ database: name })
  await client.connect()
  const halves = Array.from({ length: 1 << 16 }, (_, bits) => bits).filter((bits) => (bits & 0x7c00) !== 0x7c00)
  for (let first = 0; first < halves.length; first += MAX_DIMENSIONS) {
    const part = halves.slice(first, first + MAX_DIMENSIONS)
    const bytes = Buffer.alloc(4 + 2 * part.length)
    bytes.writeUInt16BE(part.length, 0)
    // The server tells 0 from -0, which are equal.
    part.forEach((bits, index) => bytes.writeUInt16BE(bits === 0x8000 ? 0 : bits, 4 + 2 * index))
    const ours = new Vector(part.map(half))
    const query = 'SELECT clip_vector_send(v) AS bytes, v::text AS text FROM (SELECT $1::text::clip_vector AS v) s'
    const { rows } = await client.query(query, [ours.toText()])
    assert.ok(bytes.equals(rows[0].bytes))
    assert.ok(Vector.fromText(rows[0].text).equals(ours))
  }
  await client.end()
})

/** The half with these bits. */
function half(bits) {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023]
  return (bits & 0x8000 ? -1 : 1) * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25))
}
