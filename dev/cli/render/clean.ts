/** Other people's words without control characters, which could change what a terminal shows. */
export function clean(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '?');
}
