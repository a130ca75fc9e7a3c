/** Settings with which no deadline of a recall passes on a slow machine. */
export const NO_DEADLINES = { RECALL_DEADLINE_MS: '60000', EMBEDDING_DEADLINE_MS: '60000' }
