declare module 'jstat' {
  const jstat: {
    jStat: {
      normal: { inv(p: number, mean: number, sd: number): number }
      studentt: { inv(p: number, degreesOfFreedom: number): number }
    }
  }
  export default jstat
}
