/** The value of the SQL type `clip_vector`, and where that type is in a database. */

/** As many numbers a vector may have, and no fewer than one. */
export const MAX_DIMENSIONS = 16000

/** From here on, a number is rounded to no half. */
const NO_HALF = 65520

/**
 * A vector of half-precision numbers. It never changes, and holds what the server holds: each number is rounded to the
 * nearest half once, when the vector is made.
 */
export class Vector {
  #values

  /** @param {Iterable<number>} values */
  constructor(values) {
    if (values instanceof Vector) {
      this.#values = values.#values
      return
    }
    if (typeof values === 'string' || typeof values?.[Symbol.iterator] !== 'function') {
      throw new TypeError('a vector is made of numbers; Vector.fromText() reads the text of one')
    }
    this.#values = Object.freeze(Array.from(values, round))
    if (this.length < 1 || this.length > MAX_DIMENSIONS) {
      throw new RangeError(`a vector has 1 to ${MAX_DIMENSIONS} dimensions, not ${this.length}`)
    }
  }

  /** Reads the text form, `[0.1,-2]`. */
  static fromText(text) {
    let numbers
    try {
      numbers = JSON.parse(text)
    } catch {
      // Told below.
    }
    if (!Array.isArray(numbers)) {
      throw new SyntaxError(`invalid text of a vector: ${JSON.stringify(clip(String(text)))}`)
    }
    return new Vector(numbers)
  }

  /** Number of dimensions. */
  get length() {
    return this.#values.length
  }

  [Symbol.iterator]() {
    return this.#values[Symbol.iterator]()
  }

  /** The numbers, as an array of one's own. */
  toArray() {
    return [...this.#values]
  }

  /** Whether another vector, or an array, has the same numbers. */
  equals(other) {
    const numbers = Array.from(other)
    return numbers.length === this.length && this.#values.every((value, index) => value === numbers[index])
  }

  /** The text form, of short decimals that are read back as the same halves. */
  toText() {
    return `[${this.#values.map(decimal).join(',')}]`
  }

  toString() {
    return this.toText()
  }

  toJSON() {
    return this.#values.map((value) => Number(decimal(value)))
  }

  /** What the driver pg sends. */
  toPostgres() {
    return this.toText()
  }
}

/** What stands for a vector in applications: one, its text, or numbers; null stays null. */
export function vector(value) {
  if (value === null || value === undefined || value instanceof Vector) return value ?? null
  return typeof value === 'string' ? Vector.fromText(value) : new Vector(value)
}

/** The vectors in the text form of an array of them, null for NULL. */
export function vectorsFromText(text) {
  return Array.from(text.matchAll(/"([^"]*)"|NULL/g), ([, element]) => vector(element))
}

/** The extension clip_pg is not installed in the database of a connection. */
export class ExtensionMissing extends Error {
  name = 'ExtensionMissing'

  constructor() {
    super('the extension clip_pg is not installed in the database: run CREATE EXTENSION clip_pg there first')
  }
}

/**
 * Answers one row, the type as the member of the extension that it is, or none. It is not asked for by name: it need
 * not be on the search path, and what has its name there may be another.
 */
export const TYPE_QUERY = `
SELECT t.oid::pg_catalog.int4 AS oid, t.typarray::pg_catalog.int4 AS "arrayOid", n.nspname AS schema
FROM pg_catalog.pg_extension e
JOIN pg_catalog.pg_depend d ON d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass
    AND d.refobjid OPERATOR(pg_catalog.=) e.oid AND d.deptype OPERATOR(pg_catalog.=) 'e'
    AND d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_type'::pg_catalog.regclass
JOIN pg_catalog.pg_type t ON t.oid OPERATOR(pg_catalog.=) d.objid
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) t.typnamespace
WHERE e.extname OPERATOR(pg_catalog.=) 'clip_pg' AND t.typname OPERATOR(pg_catalog.=) 'clip_vector'`

/** The half nearest to an element. */
function round(number, index) {
  if (typeof number !== 'number') {
    throw new TypeError(`element ${index + 1} of a vector is no number: ${clip(String(number))}`)
  }
  if (!(Math.abs(number) < NO_HALF)) {
    throw new RangeError(`element ${index + 1} of a vector is not between -65504 and 65504: ${number}`)
  }
  return nearest(number)
}

/** The half nearest to a number, ties to even, as if halves went on beyond 65504. */
function nearest(number) {
  const size = Math.abs(number)
  // Between powers of 2, halves are this far apart; the quotient is exact.
  const step = 2 ** (Math.max(-14, Math.floor(Math.log2(size))) - 10)
  const quotient = size / step
  const below = Math.floor(quotient)
  const above = quotient - below > 0.5 || (quotient - below === 0.5 && below % 2 === 1)
  return Math.sign(number) * (below + Number(above)) * step
}

const decimals = new Map()

/** The shortest decimal that is read as a half, remembered: there are not so many. */
function decimal(value) {
  let text = decimals.get(value)
  for (let digits = 1; text === undefined; digits++) {
    const short = Number(value.toPrecision(digits))
    if (nearest(short) === value) decimals.set(value, (text = String(short)))
  }
  return text
}

function clip(text) {
  return text.length > 64 ? text.slice(0, 64) + '...' : text
}
