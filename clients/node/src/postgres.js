import { ExtensionMissing, TYPE_QUERY, Vector, vector, vectorsFromText } from './index.js'

/** Has all connections of postgres.js return vectors, and take them, arrays of numbers and texts for parameters. */
export async function register(sql) {
  const [type] = await sql.unsafe(TYPE_QUERY)
  if (type === undefined) throw new ExtensionMissing()
  const { parsers, serializers } = sql.options
  parsers[type.oid] = Vector.fromText
  serializers[type.oid] = (value) => vector(value).toText()
  // What the driver has made of the array when it connected has no parser for elements.
  parsers[type.arrayOid] = vectorsFromText
  return { ...type }
}
