/** What the users of the benchmark speak of: each turn of one parcel that no other turn speaks of. */
export function said(parcel: number): string {
  return `This morning I brought parcel${parcel}x to the post office near the harbour, and it will take about a week to arrive there.`
}

export function learned(parcel: string): string {
  return `Ada has sent ${parcel} by post.`
}

export function parcelsIn(text: string): string[] {
  return text.match(/parcel\d+x/g) ?? []
}
