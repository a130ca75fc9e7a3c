/** The text of turn `i`. Each turn mentions one parcel that no other turn mentions, so that memories can be counted. */
export function turnText(parcel: number): string {
  return `This morning I brought parcel${parcel}x to the post office near the harbour, and it will take about a week to arrive there.`
}

/** The fact that the model extracts from a turn. */
export function factText(parcel: string): string {
  return `Ada has sent ${parcel} by post.`
}

/** The parcels that a text mentions. */
export function parcelsIn(text: string): string[] {
  return text.match(/parcel\d+x/g) ?? []
}
