import { DOCTOR_USAGE } from '../../doctor/options.ts';
import type { Command } from '../command.ts';

export const doctor: Command = {
  name: 'doctor',
  summary: 'is everything there that the allocator needs?',
  usage: DOCTOR_USAGE,
  // It brings the AWS SDK and more, which no other command waits for.
  run: async (args, io) => (await import('../../doctor/run-doctor.ts')).runDoctor(args, io),
};
