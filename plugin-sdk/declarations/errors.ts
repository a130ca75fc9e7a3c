/** One thing wrong in one place: the file relative to the plugin's root, the path of the value, what was expected and came. */
export interface DeclarationIssue {
  file: string
  /** Dotted path of the value in the file, e.g. `parameters[2].default`; empty for the file as a whole. */
  path: string
  message: string
}

/** Thrown by `loadPlugin` with every problem of every file at once. */
export class DeclarationError extends Error {
  override readonly name = 'DeclarationError'
  readonly issues: DeclarationIssue[]

  constructor(issues: DeclarationIssue[]) {
    const count = issues.length === 1 ? '1 problem' : `${issues.length} problems`
    super(
      `${count} in the plugin's declarations:\n${issues.map((issue) => `  ${formatIssue(issue)}`).join('\n')}`,
    )
    this.issues = issues
  }
}

/** `file: path: message` on one line. */
export function formatIssue({ file, path, message }: DeclarationIssue): string {
  return path === '' ? `${file}: ${message}` : `${file}: ${path}: ${message}`
}
