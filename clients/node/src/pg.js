import { ExtensionMissing, TYPE_QUERY, Vector, vectorsFromText } from './index.js'

/**
 * Has a client of pg return vectors, in arrays, too; also each of a pool, as its `onConnect`. A `Vector` is a parameter
 * by itself.
 */
export async function register(client) {
  const [type] = (await client.query(TYPE_QUERY)).rows
  if (type === undefined) throw new ExtensionMissing()
  // In text alone: the driver reads whatever is binary as UTF-8 first.
  client.setTypeParser(type.oid, 'text', Vector.fromText)
  client.setTypeParser(type.arrayOid, 'text', vectorsFromText)
  return type
}
