/** The element of index.html with that id; a typo is found at once. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`index.html has no #${id}`);
  return found as T;
}

/** An element with a class and text or children. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = '',
  ...content: readonly (string | Node)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (className !== '') made.className = className;
  made.append(...content);
  return made;
}

/** Touches the page only where the text differs: a live region would else speak, and a layout be done, for nothing. */
export function setText(target: HTMLElement, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

export function setHidden(target: HTMLElement, hidden: boolean): void {
  if (target.hidden !== hidden) target.hidden = hidden;
}

/** A name and its value, for a `dl`: the same elements are kept from one update to the next. */
export function showPairs(list: HTMLElement, pairs: readonly (readonly [name: string, value: string])[]): void {
  while (list.children.length > pairs.length) list.lastElementChild?.remove();
  for (const [index, [name, value]] of pairs.entries()) {
    const pair = list.children[index] ?? list.appendChild(element('div', '', element('dt'), element('dd')));
    const [dt, dd] = pair.children as unknown as [HTMLElement, HTMLElement];
    setText(dt, name);
    setText(dd, value);
  }
}
