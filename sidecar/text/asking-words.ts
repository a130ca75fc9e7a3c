/** English words by which a question asks, rather than names its subject. They count half. */
export const ASKING_WORDS: ReadonlySet<string> = new Set(
  `kind kinds type types sort sorts name named names called call mention mentioned mentions describe described say
  said tell told discuss discussed share shared talk talked item items thing things way ways many much long often
  according conversation happen happened occur occurred specific particular certain example examples suggest
  suggested reason date time recently recent new during currently current different various other one something
  someone anything main`.split(/\s+/),
)
