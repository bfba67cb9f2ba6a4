/** PromQL as a dashboard has it, with what Grafana puts in the place of its variables. */
export function withoutVariables(expression: string, values: Readonly<Record<string, string>>): string {
  return expression.replaceAll(/\$(\w+)/g, (variable, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`${variable} is no variable of this dashboard`);
    return value;
  });
}

const WORDS = new Set(['and', 'or', 'unless', 'bool', 'offset']);

/** The names of the metrics in an expression: what is left of it without its strings, labels, numbers and functions. */
export function metricsIn(expression: string): readonly string[] {
  const bare = expression
    .replaceAll(/"(?:[^"\\]|\\.)*"/g, '')
    .replaceAll(/\{[^}]*\}|\[[^\]]*\]/g, '')
    .replaceAll(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, '');
  const names = [...bare.matchAll(/\b[a-zA-Z_:][\w:]*\b(?!\s*\()/g)].map(([name]) => name);
  return [...new Set(names.filter((name) => !WORDS.has(name)))];
}
