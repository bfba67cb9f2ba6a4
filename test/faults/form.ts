/** The long form of the fault tests, as `npm run test:faults` runs them; `npm test` runs the short one. */
export const FULL = process.env['FAULTS'] === 'full';
