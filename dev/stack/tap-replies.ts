import { connect, type Msg } from 'nats';
import { openTranscript } from '../servers/transcripts.ts';

/** The inboxes of callers, and the events. Not requests: who listens to those counts as somebody who may answer. */
const SUBJECTS = ['_INBOX.>', 'game.assigned.>'];

/**
 * Where a test run collects what our processes say: every reply that passes this NATS, for as long as it runs. Resolves
 * to what ends it. Does nothing where nothing is collected, nor at a NATS that does not let it in.
 */
export async function tapReplies(natsUrl: string): Promise<() => Promise<void>> {
  const transcript = openTranscript('replies', 'nats');
  if (transcript === undefined) return () => Promise.resolve();
  const nats = await connect({ servers: natsUrl, maxReconnectAttempts: -1, reconnectTimeWait: 50 }).catch(
    () => undefined,
  );
  for (const subject of SUBJECTS) nats?.subscribe(subject, { callback: (_error, message) => write(message) });
  await nats?.flush();

  function write({ subject, headers, data }: Msg): void {
    const sent = headers?.keys().map((key) => `${key}: ${headers.values(key).join(', ')}`);
    transcript?.write([subject, ...(sent ?? []), Buffer.from(data).toString()].join('\n'));
  }

  return async () => {
    await nats?.close();
    transcript.close();
  };
}
