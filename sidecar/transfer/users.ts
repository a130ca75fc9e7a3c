import type { Item } from './entry.ts'

/**
 * Whose the entries are. The user of the option stands for entries that name none, and for one user of the file, so
 * that a file can be imported under another name; several users of a file are never made one.
 */
export function createUsers(option: string | undefined) {
  let renamed: string | undefined
  return {
    /** Why an entry cannot be anybody's, if it cannot. */
    refusal({ userId }: Item): string | undefined {
      if (userId === null)
        return option === undefined ? 'names no user; say whose it is with --user' : undefined
      if (option === undefined) return undefined
      renamed ??= userId
      if (userId === renamed) return undefined
      return `is of user ${JSON.stringify(userId)}, and --user stands for ${JSON.stringify(renamed)}; import without --user`
    },
    of({ userId }: Item): string | undefined {
      return option ?? userId ?? undefined
    },
  }
}
