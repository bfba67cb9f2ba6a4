/** A page of HTML, with the headers that it is sent with beside its type. */
export interface Page {
  readonly html: string;
  readonly headers: Readonly<Record<string, string>>;
}
