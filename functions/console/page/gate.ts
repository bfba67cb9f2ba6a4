import { byId, setHidden, setText } from './dom.ts';

/** Of this tab alone: gone when it is closed, and never in an address. */
const KEY = 'game-allocator-token';

export const REFUSED = 'This token is not accepted.';
export const NO_LONGER_ACCEPTED =
  'The token is no longer accepted: it was replaced or taken back. Enter the one that is valid now.';

export interface Gate {
  /** Shows the form in place of the console, and forgets the token that there was. */
  ask(problem: string): void;
}

/**
 * The form that asks for the token. `tryToken` resolves to what is wrong with it, or undefined where it is accepted.
 */
export function createGate(
  tryToken: (token: string) => Promise<string | undefined>,
  onAccepted: (token: string) => void,
): Gate {
  const gate = byId('gate');
  const form = byId<HTMLFormElement>('gate-form');
  const field = byId<HTMLInputElement>('token');
  const button = form.querySelector('button');

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void submit();
  });

  async function submit(): Promise<void> {
    const token = field.value.trim();
    if (token === '' || button?.disabled) return;
    if (button) button.disabled = true;
    say('');
    const problem = await tryToken(token);
    if (button) button.disabled = false;
    if (problem !== undefined) {
      say(problem);
      field.select();
      field.focus();
      return;
    }
    field.value = '';
    sessionStorage.setItem(KEY, token);
    show(false);
    onAccepted(token);
  }

  function say(problem: string): void {
    setText(byId('gate-problem'), problem);
    field.setAttribute('aria-invalid', String(problem !== ''));
  }

  function show(visible: boolean): void {
    setHidden(gate, !visible);
    setHidden(byId('console'), visible);
  }

  return {
    ask(problem) {
      sessionStorage.removeItem(KEY);
      say(problem);
      show(true);
      field.focus();
    },
  };
}

export function keptToken(): string | undefined {
  return sessionStorage.getItem(KEY) ?? undefined;
}
