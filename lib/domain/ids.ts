/** Code points that a game_id may have. */
export const GAME_ID_MAX = 128;
/** What it may not have anywhere. */
export const NOT_IN_GAME_ID = /[\p{Cc}\p{White_Space}\uFEFF]/u;

/** Characters that an instance's id may have. */
export const INSTANCE_ID_MAX = 256;
/** What it may not have anywhere. */
export const NOT_IN_INSTANCE_ID = /[\p{Cc}\p{White_Space}\uFEFF*>]/u;

/**
 * Why `id` cannot be a game_id, as the rest of a sentence that begins with the field's name; undefined when it can.
 * Any script and any punctuation is fine: it is kept byte for byte, so only what breaks logs and protocols is refused.
 */
export function gameIdProblem(id: string): string | undefined {
  if (id === '') return 'must not be empty';
  if (!id.isWellFormed()) return 'must be well-formed Unicode';
  if (NOT_IN_GAME_ID.test(id)) return 'must not contain white space or control characters';
  if (id.length > GAME_ID_MAX && [...id].length > GAME_ID_MAX) return `must have at most ${GAME_ID_MAX} characters`;
  return undefined;
}

/**
 * Whether `id` can name an instance. Callers put it into NATS subjects, where white space, wildcards and empty tokens
 * would reach others or nobody.
 */
export function isInstanceId(id: string): boolean {
  return (
    id.length <= INSTANCE_ID_MAX &&
    id.isWellFormed() &&
    !NOT_IN_INSTANCE_ID.test(id) &&
    id.split('.').every((token) => token !== '')
  );
}
