import type { Item } from './entry.ts'

/**
 * Decides which user an entry belongs to. `--user` applies to entries without a user and renames the file's user, if
 * there is only one; several users of a file are never merged.
 */
export function assignUsers(userOption: string | undefined) {
  let renamed: string | undefined
  return {
    /** Why the entry cannot be assigned to a user, if it cannot. */
    objectionTo({ userId }: Item): string | undefined {
      if (userId === null) {
        return userOption === undefined ? 'the entry names no user; pass --user' : undefined
      }
      if (userOption === undefined) return undefined
      renamed ??= userId
      if (userId === renamed) return undefined
      return `the entry belongs to user ${JSON.stringify(userId)}, but --user already replaces ${JSON.stringify(renamed)}; import without --user`
    },
    userOf({ userId }: Item): string | undefined {
      return userOption ?? userId ?? undefined
    },
  }
}
