// Numbers as people type them: a point or a comma before the decimals, and nothing between thousands.

/** The number by which people know a layer; the service counts from 0. */
export function layerNumber(index: number): number {
  return index + 1;
}

/** What a field may hold, as a regular expression without its ends: so many digits before and behind the point.
 *
 * A comma before exactly three digits is refused: "1,234" may be meant as 1234, and a wrong guess is a thousandfold one.
 */
export function decimal(whole: number, decimals: number): string {
  return String.raw`(?![1-9]\d{0,2},\d{3}$)\d{1,${whole}}([.,]\d{1,${decimals}})?`;
}

/** A typed number as the service takes it. */
export function plain(typed: string): string {
  return typed.trim().replace(",", ".");
}
