/** What stands for a vector in applications: one, its text, or numbers. */
export type VectorLike = Vector | string | Iterable<number>

/** As many numbers a vector may have, and no fewer than one. */
export declare const MAX_DIMENSIONS = 16000

/** A vector of half-precision numbers, which never changes. */
export declare class Vector implements Iterable<number> {
  /**
   * Rounds each number to the nearest half.
   * @throws {TypeError} what is given is no sequence of numbers
   * @throws {RangeError} a number is no finite half, or there are none or more than 16 000
   */
  constructor(values: Iterable<number>)
  /** Reads the text form, `[0.1,-2]`. */
  static fromText(text: string): Vector
  /** Number of dimensions. */
  get length(): number
  [Symbol.iterator](): IterableIterator<number>
  /** The numbers, as an array of one's own. */
  toArray(): number[]
  /** Whether another vector, or an array, has the same numbers. */
  equals(other: Iterable<number>): boolean
  /** The text form, of short decimals that are read back as the same halves. */
  toText(): string
  toString(): string
  toJSON(): number[]
  /** What the driver pg sends. */
  toPostgres(): string
}

/** What stands for a vector in applications as one; null stays null. */
export declare function vector(value: VectorLike): Vector
export declare function vector(value: VectorLike | null | undefined): Vector | null

/** The vectors in the text form of an array of them, null for NULL. */
export declare function vectorsFromText(text: string): (Vector | null)[]

/** The extension clip_pg is not installed in the database of a connection. */
export declare class ExtensionMissing extends Error {}

/** The type `clip_vector` in one database. */
export interface VectorType {
  oid: number
  arrayOid: number
  schema: string
}

/** Answers one `VectorType`, or no row where the extension is not installed. */
export declare const TYPE_QUERY: string
